# SPDX-License-Identifier: BSD-2-Clause
# Completion of roamcast(8) for bash. The words come from the program itself, names of nodes, groups and links from the daemon.

# Names of these kinds in the lab: its status has a list of each.
_roamcast_lab_names()
{
	roamcast lab "${lab[@]}" status --json 2>/dev/null | awk -F'"' -v kinds=" $* " '
		/^  "/ { on = index(kinds, " " $2 " ") }
		on && /^      "name": / { print $4 }'
}

# What may stand behind `roamcast lab` and these words.
_roamcast_lab()
{
	case $1 in
	'') echo up status exec attach move detach daemon restart stream down ;;
	exec) [ $# -eq 1 ] && echo src rtr && _roamcast_lab_names lmas mags mns ;;
	restart) [ $# -eq 1 ] && _roamcast_lab_names lmas mags ;;
	attach | move)
		[ $# -eq 1 ] && echo all && _roamcast_lab_names mns
		[ $# -eq 2 ] && _roamcast_lab_names mags
		;;
	detach) [ $# -eq 1 ] && echo all && _roamcast_lab_names mns ;;
	daemon) [ $# -eq 1 ] && echo start stop kill ;;
	stream) [ $# -eq 1 ] && echo start join leave report stop run ;;
	esac
}

_roamcast_lab_options()
{
	case $1,$2 in
	up,*) echo --mags --mns --lmas --topology --dataplane --profiles --set --attach --shared --no-daemons --delay ;;
	move,*) echo --predictive ;;
	restart,*) echo --orderly ;;
	status,* | stream,report | stream,stop) echo --json ;;
	stream,join) echo --source --any-source --block --passive ;;
	stream,start | stream,run)
		echo --group --any-source --source --rate --size --count --port --from --no-sender --passive --to
		[ "$2" = run ] && echo --seconds --json
		;;
	,) echo --prefix --help ;;
	esac
}

_roamcast()
{
	local cur=${COMP_WORDS[COMP_CWORD]} word skip= candidates
	local -a before=() socket=() lab=()

	_get_comp_words_by_ref -n : cur 2>/dev/null
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		if [ -n "$skip" ]; then
			[ "$skip" = -s ] && socket=(-s "$word")
			[ "$skip" = --prefix ] && lab=(--prefix "$word")
			skip=
			continue
		fi
		case $word in
		-s | --socket) skip=-s ;;
		--prefix | --dataplane) skip=$word ;;
		--store | --limit | --to | --from | --mags | --mns | --lmas | --topology | --profiles | --set | --delay | \
			--group | --source | --block | --rate | --size | --count | --port | --seconds) skip=1 ;;
		-*) ;;
		*) before+=("$word") ;;
		esac
	done
	if [ "$skip" = --dataplane ]; then
		COMPREPLY=($(compgen -W 'auto ebpf user' -- "$cur"))
		return
	fi
	if [ -n "$skip" ]; then
		COMPREPLY=($(compgen -f -- "$cur"))
		return
	fi
	case ${before[0]} in
	lab)
		if [[ $cur == -* ]]; then
			candidates=$(_roamcast_lab_options "${before[1]}" "${before[2]}")
		else
			candidates=$(_roamcast_lab "${before[@]:1}")
		fi
		COMPREPLY=($(compgen -W "$candidates" -- "$cur"))
		return
		;;
	demo)
		COMPREPLY=($(compgen -W '--json --video --dataplane --help' -- "$cur"))
		return
		;;
	esac
	if [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W '--socket --json --wide --all --limit --store --replace --to --cancel --no-wait --from --help --version' -- "$cur"))
		return
	fi
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
