/* SPDX-License-Identifier: BSD-2-Clause */
#include "lab/demo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A real stream: a test picture as MPEG-TS in RTP, sent and received by ffmpeg, which counts itself what it missed. */

#define VIDEO_PORT 5004
#define LONGEST_S  "90" /* ffmpeg ends by itself then, whatever becomes of us */

struct demo_video {
	unsigned mn;
	const char *group;
	struct proc sender, receiver;
	char log[LAB_PATH_MAX], progress[LAB_PATH_MAX];
	long frames, missed;
	bool playing; /* at the last look, pictures had come since the one before */
};

static int write_session(const char *path, const char *group)
{
	FILE *f = fopen(path, "we");
	if (!f)
		return -errno;
	fprintf(f,
		"v=0\r\no=- 0 0 IN IP6 %s\r\ns=test picture\r\nc=IN IP6 %s\r\nt=0 0\r\n"
		"a=source-filter: incl IN IP6 %s %s\r\nm=video %d RTP/AVP 33\r\n",
		LAB_SRC_ADDR, group, group, LAB_SRC_ADDR, VIDEO_PORT);
	return fclose(f) == 0 ? 0 : -EIO;
}

static int start_receiver(struct demo *d, struct demo_video *v, const char *session)
{
	char ns[LAB_PATH_MAX];
	const char *argv[] = {
	    "ffmpeg",
	    "-nostdin",
	    "-hide_banner",
	    "-loglevel",
	    "warning",
	    "-nostats",
	    "-protocol_whitelist",
	    "file,rtp,udp",
	    "-analyzeduration",
	    "500000",
	    "-i",
	    session,
	    "-t",
	    LONGEST_S,
	    "-progress",
	    v->progress,
	    "-stats_period",
	    "0.2",
	    "-an",
	    "-f",
	    "null",
	    "-",
	    NULL,
	};
	return proc_start(&v->receiver, lab_netns(&d->lab, d->lab.mns[v->mn].name, ns), argv, NULL, v->log);
}

static int start_sender(struct demo *d, struct demo_video *v)
{
	char ns[LAB_PATH_MAX], url[LAB_PATH_MAX], log[LAB_PATH_MAX];
	snprintf(url, sizeof(url), "rtp://[%s]:%d?ttl=16&pkt_size=1316", v->group, VIDEO_PORT);
	const char *argv[] = {
	    "ffmpeg",
	    "-nostdin",
	    "-hide_banner",
	    "-loglevel",
	    "warning",
	    "-nostats",
	    "-re",
	    "-f",
	    "lavfi",
	    "-i",
	    "testsrc2=size=640x360:rate=25",
	    "-t",
	    LONGEST_S,
	    "-c:v",
	    "mpeg2video",
	    "-b:v",
	    "1500k",
	    "-g",
	    "12",
	    "-f",
	    "rtp_mpegts",
	    url,
	    NULL,
	};
	return proc_start(&v->sender, lab_netns(&d->lab, "src", ns), argv, NULL,
			  lab_path(&d->lab, log, "video-sender.log"));
}

static bool pictures_come(struct demo *d, void *arg)
{
	(void)arg;
	return d->video->playing || !proc_alive(&d->video->receiver) || !proc_alive(&d->video->sender);
}

bool demo_video_start(struct demo *d, unsigned mn)
{
	char session[LAB_PATH_MAX];
	struct demo_video *v = calloc(1, sizeof(*v));
	if (!v)
		return false;
	d->video = v;
	v->mn = mn;
	v->group = d->groups[d->n_groups - 1].addr;
	lab_path(&d->lab, v->log, "video-receiver.log");
	lab_path(&d->lab, v->progress, "video-progress");
	demo_phase(d, "ffmpeg streams a test picture to %s", d->lab.mns[mn].name);
	int r = write_session(lab_path(&d->lab, session, "video.sdp"), v->group);
	if (!r)
		r = start_receiver(d, v, session);
	if (!r)
		r = lab_proc_add(&d->lab, "video.receiver", v->receiver);
	if (!r)
		r = start_sender(d, v);
	if (!r)
		r = lab_proc_add(&d->lab, "video.sender", v->sender);
	lab_save(&d->lab);
	bool on = !r && demo_until(d, span_s(8), pictures_come, NULL);
	return demo_expect(d, on && v->playing, "ffmpeg at %s shows the test picture", d->lab.mns[mn].name);
}

/* The sum of what "RTP: missed N packets" tells. */
static long count_missed(const char *log)
{
	char line[512];
	long sum = 0;
	FILE *f = fopen(log, "re");
	while (f && fgets(line, sizeof(line), f)) {
		const char *p = strstr(line, "RTP: missed ");
		if (p)
			sum += strtol(p + 12, NULL, 10);
	}
	if (f)
		fclose(f);
	return sum;
}

static long count_frames(const char *progress)
{
	char line[256];
	long last = 0;
	FILE *f = fopen(progress, "re");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "frame=", 6))
			last = strtol(line + 6, NULL, 10);
	if (f)
		fclose(f);
	return last;
}

void demo_video_refresh(struct demo *d)
{
	struct demo_video *v = d->video;
	long frames = count_frames(v->progress);
	v->playing = frames > v->frames;
	v->frames = frames;
	v->missed = count_missed(v->log);
}

void demo_video_line(const struct demo *d, char text[DEMO_TEXT])
{
	const struct demo_video *v = d->video;
	snprintf(text, DEMO_TEXT, "ffmpeg at %s: %ld pictures, \"RTP: missed\" %ld packets", d->lab.mns[v->mn].name,
		 v->frames, v->missed);
}

json_t *demo_video_summary(const struct demo *d)
{
	const struct demo_video *v = d->video;
	return json_pack("{sssIsI}", "node", d->lab.mns[v->mn].name, "pictures", (json_int_t)v->frames,
			 "missed_packets", (json_int_t)v->missed);
}

bool demo_video_played(const struct demo *d)
{
	return d->video->playing && proc_alive(&d->video->receiver);
}

void demo_video_stop(struct demo *d)
{
	if (!d->video)
		return;
	struct proc both[] = {d->video->sender, d->video->receiver};
	proc_stop(both, 2, span_s(2));
	free(d->video);
	d->video = NULL;
}
