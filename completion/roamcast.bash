# SPDX-License-Identifier: BSD-2-Clause
# Completion of roamcast(8) for bash. The words come from the program itself, names of nodes, groups and links from the daemon.
_roamcast()
{
	local cur=${COMP_WORDS[COMP_CWORD]} word skip= candidates
	local -a before=() socket=()

	_get_comp_words_by_ref -n : cur 2>/dev/null
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		if [ -n "$skip" ]; then
			[ "$skip" = -s ] && socket=(-s "$word")
			skip=
			continue
		fi
		case $word in
		-s | --socket) skip=-s ;;
		--store | --limit | --to | --from) skip=1 ;;
		-*) ;;
		*) before+=("$word") ;;
		esac
	done
	if [ -n "$skip" ]; then
		COMPREPLY=($(compgen -f -- "$cur"))
		return
	fi
	if [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W '--socket --json --wide --all --limit --store --replace --to --cancel --no-wait --from --help --version' -- "$cur"))
		return
	fi
	case ${before[0]} in
	lab | demo)
		COMPREPLY=($(compgen -W "$([ "${before[0]}" = lab ] && [ ${#before[@]} -eq 1 ] && echo up status exec attach move detach daemon restart stream down)" -- "$cur"))
		return
		;;
	esac
	candidates=$(roamcast "${socket[@]}" --complete "${before[@]}" 2>/dev/null)
	if [[ $candidates == *'<FILE>'* ]]; then
		compopt -o filenames 2>/dev/null
		COMPREPLY=($(compgen -f -- "$cur"))
		return
	fi
	COMPREPLY=($(compgen -W "$candidates" -- "$cur"))
	declare -F __ltrim_colon_completions >/dev/null && __ltrim_colon_completions "$cur"
}
complete -F _roamcast roamcast
