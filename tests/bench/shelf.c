/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index of files under load, for the benchmark: files with words as
 * unevenly spread as those of people, and a vector of 384 numbers for each
 * piece, put in and searched by the daemon's own code.
 *
 *   shelf HOME FILES LINES
 *
 * prints lines "name value"; HOME must have the folder rag.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/mem.h"
#include "engined/shelf.h"
#include "engined/vectors.h"

#define VOCABULARY	20000
#define LINE_WORDS	10
#define QUERIES		100
#define DIM		384
#define TOPICS		1000		/* vectors lie around so many */
#define BATCH		64
#define EXACT		10		/* queries that are compared with a search of everything */
#define K		10

static struct error e;
static long resident, most_resident;

static void
die(const char *what)
{
	fprintf(stderr, "shelf: %s: %s\n", what, e.text);
	exit(1);
}

static double
chance(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (double)(*seed >> 11) / 9007199254740992.0;
}

static double
ms_since(int64_t began)
{
	return (double)(clock_mono_ns() - began) / 1e6;
}

/* What this process has used of the processor: a machine at work on other things makes everything else longer. */
static int64_t
cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static double
cpu_since(int64_t began)
{
	return (double)(cpu_ns() - began) / 1e6;
}

static void
keep_longest(double *longest, double ms)
{
	*longest = ms > *longest ? ms : *longest;
}

/* What the process holds now, in KB. */
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

/* ---- words ------------------------------------------------------------------------------------------ */

static uint64_t words = 88172645463325252;

/* A word of six letters; small numbers are common words. */
static void
put_word(struct buf *b, size_t n)
{
	for (int i = 0; i < 3; i++, n /= 100)
		buf_addf(b, "%c%c", "bcdfghjklmnpqrstvwxz"[n % 100 / 5], "aeiou"[n % 5]);
	buf_addc(b, ' ');
}

static int
put(struct words *x, int64_t root, const struct shelf_file *file, const char *text)
{
	struct shelf_growth *g = shelf_growth_new(root, file, text);
	int more;

	while ((more = shelf_grow(x, g, &e)) == 1)
		;
	shelf_growth_free(g);
	return more;
}

static void
put_files(struct words *x, int64_t root, int files, int lines)
{
	double longest = 0, longest_cpu = 0, all_cpu = 0;
	int64_t began = clock_mono_ns();

	for (int i = 0; i < files; i++) {
		cleanup_free char *path = xasprintf("folder%d/file%d.txt", i / 100, i);
		struct shelf_file f = { .path = path, .mtime_us = i, .size = i };
		cleanup_buf struct buf text = BUF(0);
		int64_t from, cpu;
		double ms;

		for (int n = 0; n < lines * LINE_WORDS; n++) {
			double c = chance(&words);

			put_word(&text, (size_t)(VOCABULARY * c * c * c));
			if (n % LINE_WORDS == LINE_WORDS - 1)
				buf_addc(&text, '\n');
		}
		from = clock_mono_ns();
		cpu = cpu_ns();
		if (words_begin(x, &e) == -1 || put(x, root, &f, buf_str(&text)) == -1 || words_end(x, true, &e) == -1)
			die("put");
		keep_longest(&longest, ms_since(from));
		keep_longest(&longest_cpu, ms = cpu_since(cpu));
		all_cpu += ms;
		look_at_memory();
	}
	printf("build_files_per_s %.1f\nbuild_longest_ms %.2f\n", files * 1000.0 / ms_since(began), longest);
	printf("build_files_per_cpu_s %.1f\nbuild_longest_cpu_ms %.2f\n", files * 1000.0 / all_cpu, longest_cpu);
}

static int
by_size(const void *a, const void *b)
{
	return *(const double *)a < *(const double *)b ? -1 : *(const double *)a > *(const double *)b;
}

static void
print_95(const char *name, double *times, double *cpu)
{
	qsort(times, QUERIES, sizeof(times[0]), by_size);
	qsort(cpu, QUERIES, sizeof(cpu[0]), by_size);
	printf("%s_ms %.2f\n%s_cpu_ms %.2f\n", name, times[QUERIES * 95 / 100], name, cpu[QUERIES * 95 / 100]);
}

static void
query_words(struct words *x, int64_t root, const char *name, const size_t *from, const size_t *to, size_t n)
{
	double times[QUERIES], used[QUERIES];

	for (int i = 0; i < QUERIES; i++) {
		cleanup_buf struct buf query = BUF(0);
		struct shelf_hit hits[20];
		int64_t began, cpu;
		int found;

		for (size_t k = 0; k < n; k++)
			put_word(&query, from[k] + (size_t)(chance(&words) * (double)(to[k] - from[k])));
		began = clock_mono_ns();
		cpu = cpu_ns();
		if ((found = shelf_search(x, root, buf_str(&query), hits, 20, &e)) == -1)
			die("search");
		times[i] = ms_since(began);
		used[i] = cpu_since(cpu);
		shelf_hits_clear(hits, (size_t)found);
		look_at_memory();
	}
	print_95(name, times, used);
}

/* ---- vectors ------------------------------------------------------------------------------------------ */

/* Always the same for the same piece: near its topic. */
static void
vector_of(int64_t piece, float *out)
{
	uint64_t topic = (uint64_t)(piece * 7919 % TOPICS + 1) * 2654435761u, own = (uint64_t)piece * 88172645463325252u + 1;

	for (int i = 0; i < DIM; i++)
		out[i] = (float)(chance(&topic) - 0.5 + 0.8 * (chance(&own) - 0.5));
}

static double
cosine(const float *a, const float *b)
{
	double ab = 0, aa = 0, bb = 0;

	for (int i = 0; i < DIM; i++) {
		ab += (double)a[i] * b[i];
		aa += (double)a[i] * a[i];
		bb += (double)b[i] * b[i];
	}
	return ab / sqrt(aa * bb);
}

static void
put_vectors(struct words *x, const struct vectors *v, int64_t pieces)
{
	int64_t began = clock_mono_ns();
	float one[DIM];

	for (int64_t i = 1; i <= pieces; i++) {
		if (i % BATCH == 1 && words_begin(x, &e) == -1)
			die("begin");
		vector_of(i, one);
		if (vectors_put(x->db, v, i, one, &e) == -1)
			die("vector");
		if ((i % BATCH == 0 || i == pieces) && words_end(x, true, &e) == -1)
			die("end");
	}
	look_at_memory();
	printf("vectors_per_s %.0f\n", (double)pieces * 1000 / ms_since(began));
}

/* How many of the k found are among the k nearest of all. */
static int
right(const float *query, int64_t pieces, const struct vectors_hit *hits)
{
	int nearer[K] = { 0 }, n = 0;
	float one[DIM];

	for (int64_t i = 1; i <= pieces; i++) {
		double c;

		vector_of(i, one);
		c = cosine(query, one);
		for (int k = 0; k < K; k++)
			nearer[k] += c > hits[k].score + 1e-6;
	}
	for (int k = 0; k < K; k++)
		n += nearer[k] < K;
	return n;
}

static void
query_vectors(struct words *x, const struct vectors *v, int64_t pieces)
{
	struct vectors_hit hits[K];
	double times[QUERIES], used[QUERIES];
	float query[DIM];
	int good = 0;

	for (int i = 0; i < QUERIES; i++) {
		int64_t began, cpu;

		vector_of(pieces + 1 + i, query);
		began = clock_mono_ns();
		cpu = cpu_ns();
		if (vectors_search(x->db, v, query, hits, K, &e) != K)
			die("search");
		times[i] = ms_since(began);
		used[i] = cpu_since(cpu);
		look_at_memory();
		if (i < EXACT)
			good += right(query, pieces, hits);
	}
	print_95("vector", times, used);
	printf("vector_right %.3f\n", (double)good / (EXACT * K));
}

int
main(int argc, char *argv[])
{
	int files = argc == 4 ? atoi(argv[2]) : 0, lines = argc == 4 ? atoi(argv[3]) : 0;
	int64_t root, n, pieces;
	struct vectors v;
	struct words *x;
	long before;

	if (files < 1 || lines < 1) {
		fprintf(stderr, "usage: shelf HOME FILES LINES\n");
		return 2;
	}
	if ((x = shelf_open(argv[1], &e)) == NULL)
		die("open");
	if ((root = shelf_root(x, "/w", true, &e)) == -1)
		die("workspace");
	look_at_memory();
	before = most_resident = resident;
	put_files(x, root, files, lines);
	if (shelf_size(x, root, &n, &pieces, &e) == -1)
		die("size");
	printf("pieces %lld\n", (long long)pieces);
	query_words(x, root, "rare", (size_t[]){ 15000 }, (size_t[]){ VOCABULARY }, 1);
	query_words(x, root, "mixed", (size_t[]){ 0, 100, 2000, 15000 }, (size_t[]){ 20, 1000, 8000, VOCABULARY }, 4);
	query_words(x, root, "common", (size_t[]){ 0, 0, 0 }, (size_t[]){ 20, 20, 20 }, 3);
	if (vectors_make(x->db, root, "m", DIM, &v, &e) == -1)
		die("model");
	put_vectors(x, &v, pieces);
	query_vectors(x, &v, pieces);
	printf("memory_kb %ld\n", most_resident - before);
	words_close(x);
	return 0;
}
