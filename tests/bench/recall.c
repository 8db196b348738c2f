/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index of the sessions under load, for the benchmark: makes sessions
 * with words as unevenly spread as those of people, has them indexed by the
 * daemon's own code and looks for words in them.
 *
 *   recall HOME SESSIONS LINES
 *
 * prints lines "name value"; HOME must have the folders sessions and rag.
 */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/fts.h"
#include "engined/recall.h"
#include "engined/session.h"

#define VOCABULARY	20000
#define LINE_WORDS	10
#define QUERIES		200

static struct event_base *base;
static struct recall *recall;
static uint64_t seed = 88172645463325252;

static double
chance(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (double)(seed >> 11) / 9007199254740992.0;
}

/* A word of six letters; small numbers are common words. */
static void
put_word(struct buf *b, size_t n)
{
	for (int i = 0; i < 3; i++, n /= 100)
		buf_addf(b, "%c%c", "bcdfghjklmnpqrstvwxz"[n % 100 / 5], "aeiou"[n % 5]);
	buf_addc(b, ' ');
}

static size_t
some_word(void)
{
	double c = chance();

	return (size_t)(VOCABULARY * c * c * c);
}

static void
write_session(const char *home, int number, int lines)
{
	cleanup_free char *id = xasprintf("s%07d", number);
	cleanup_json json_t *s = session_new(id, "bench");
	cleanup_buf struct buf text = BUF(0);
	struct error e = { 0 };
	json_t *turn;

	for (int i = 0; i < lines; i++) {
		for (int k = 0; k < LINE_WORDS; k++)
			put_word(&text, some_word());
		buf_addc(&text, '\n');
		if (i % 20 != 19 && i != lines - 1)
			continue;
		turn = session_turn(number, "what about it?", NULL);
		json_object_set_new(turn, "assistant", json_string(buf_str(&text)));
		json_array_append_new(session_turns(s), turn);
		buf_reset(&text);
	}
	if (session_save(home, s, &e) == -1) {
		fprintf(stderr, "recall: %s\n", e.text);
		exit(1);
	}
}

static long resident, most_resident;

/* What this process has used of the processor, in ms: a machine at work on other things makes everything else longer. */
static double
cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

/* What the process holds now, in KB; not what it held when it was still its parent. */
static void
look_at_memory(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long pages = 0;

	if (f == NULL || fscanf(f, "%*d %ld", &pages) != 1)
		exit(1);
	fclose(f);
	resident = pages * sysconf(_SC_PAGESIZE) / 1024;
	most_resident = resident > most_resident ? resident : most_resident;
}

static bool over;

static void
on_pass(void *arg, const struct recall_pass *p, const struct error *e)
{
	if (p == NULL) {
		fprintf(stderr, "recall: %s\n", e->text);
		exit(1);
	}
	over = true;
}

/* Milliseconds of a pass; *longest and *longest_cpu of one turn of the loop. */
static double
pass(double *longest, double *longest_cpu)
{
	int64_t began = clock_mono_ns(), from;

	*longest = *longest_cpu = 0;
	over = false;
	recall_update(recall, false, on_pass, NULL);
	while (!over) {
		double ms, cpu = cpu_ms();

		from = clock_mono_ns();
		event_base_loop(base, EVLOOP_ONCE);
		ms = (double)(clock_mono_ns() - from) / 1e6;
		cpu = cpu_ms() - cpu;
		*longest = ms > *longest ? ms : *longest;
		*longest_cpu = cpu > *longest_cpu ? cpu : *longest_cpu;
		look_at_memory();
	}
	return (double)(clock_mono_ns() - began) / 1e6;
}

static int
by_size(const void *a, const void *b)
{
	return *(const double *)a < *(const double *)b ? -1 : *(const double *)a > *(const double *)b;
}

/* Looks for one word of each range, as many as there are; prints the 95th percentile. */
static void
queries(const char *name, const size_t *from, const size_t *to, size_t words, bool counted)
{
	char note[ERROR_TEXT_MAX];

	double times[QUERIES], used[QUERIES];

	for (int i = 0; i < QUERIES; i++) {
		cleanup_buf struct buf query = BUF(0);
		cleanup_json json_t *rows = NULL;
		int64_t began;

		for (size_t k = 0; k < words; k++)
			put_word(&query, from[k] + (size_t)(chance() * (double)(to[k] - from[k])));
		used[i] = cpu_ms();
		began = clock_mono_ns();
		rows = recall_find_near(recall, &(struct recall_query){ .text = buf_str(&query), .k = 5, .counted = counted }, NULL, note, NULL);
		times[i] = (double)(clock_mono_ns() - began) / 1e6;
		used[i] = cpu_ms() - used[i];
		if (rows == NULL)
			exit(1);
		look_at_memory();
	}
	qsort(times, QUERIES, sizeof(times[0]), by_size);
	qsort(used, QUERIES, sizeof(used[0]), by_size);
	printf("%s_ms %.2f\n%s_cpu_ms %.2f\n", name, times[QUERIES * 95 / 100], name, used[QUERIES * 95 / 100]);
}

static void
print_pieces(const char *home)
{
	int64_t sessions, pieces;
	struct words *x = fts_open(home, NULL);

	if (x == NULL || fts_size(x, &sessions, &pieces, NULL) == -1)
		exit(1);
	printf("pieces %lld\n", (long long)pieces);
	words_close(x);
}

int
main(int argc, char *argv[])
{
	int sessions = argc == 4 ? atoi(argv[2]) : 0, lines = argc == 4 ? atoi(argv[3]) : 0;
	long before;
	double ms, longest, longest_cpu, cpu;

	if (sessions < 1 || lines < 1) {
		fprintf(stderr, "usage: recall HOME SESSIONS LINES\n");
		return 2;
	}
	for (int i = 0; i < sessions; i++)
		write_session(argv[1], i, lines);
	base = event_base_new();
	recall = recall_new(base, argv[1]);
	look_at_memory();
	before = most_resident = resident;
	cpu = cpu_ms();
	ms = pass(&longest, &longest_cpu);
	cpu = cpu_ms() - cpu;
	printf("build_per_s %.1f\nbuild_slice_ms %.2f\n", sessions * 1000.0 / ms, longest);
	printf("build_per_cpu_s %.1f\nbuild_slice_cpu_ms %.2f\n", sessions * 1000.0 / cpu, longest_cpu);
	printf("again_ms %.2f\n", pass(&longest, &longest_cpu));
	queries("rare", (size_t[]){ 15000 }, (size_t[]){ VOCABULARY }, 1, false);
	queries("mixed", (size_t[]){ 0, 100, 2000, 15000 }, (size_t[]){ 20, 1000, 8000, VOCABULARY }, 4, false);
	queries("common", (size_t[]){ 0, 0, 0 }, (size_t[]){ 20, 20, 20 }, 3, false);
	queries("counted_mixed", (size_t[]){ 0, 100, 2000, 15000 }, (size_t[]){ 20, 1000, 8000, VOCABULARY }, 4, true);
	queries("counted_common", (size_t[]){ 0, 0, 0 }, (size_t[]){ 20, 20, 20 }, 3, true);
	printf("memory_kb %ld\n", most_resident - before);
	recall_free(recall);
	print_pieces(argv[1]);
	event_base_free(base);
	return 0;
}
