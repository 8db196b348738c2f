/* SPDX-License-Identifier: Apache-2.0 */
/* What comes over host.sock: one line, in any pieces, of any content, from anybody who may open it. */
#include "tests/unit/host_fixture.h"

#include <sys/resource.h>

#define VERSION "{\"id\":[1,\"a\"],\"method\":\"host.version\"}\n"

static void
many_files(void)
{
	struct rlimit r = { 8192, 8192 };

	getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_cur = r.rlim_max < 8192 ? r.rlim_max : 8192;
	setrlimit(RLIMIT_NOFILE, &r);
}

static void
test_the_socket_is_for_its_owner_only(void **state)
{
	struct fixture *f = fixture_open();
	cleanup_free char *path = path_join(f->root, "host/host.sock");
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	fixture_close(f);
	assert_int_equal(access(path, F_OK), -1);
}

static void
test_a_line_may_come_a_byte_at_a_time(void **state)
{
	struct fixture *f = fixture_open();
	int fd = dial(f);
	json_t *o;

	for (const char *s = VERSION; *s != '\0'; s++) {
		say(fd, (char[]){ *s, '\0' });
		pump(f);
	}
	o = read_json(f, fd);
	assert_string_equal(json_str(json_object_get(o, "result"), "agent_name", ""), "alpi");
	assert_string_equal(json_str(json_object_get(o, "result"), "role", ""), "admin");
	assert_string_equal(json_str(json_object_get(o, "result"), "connection_id", ""), "host");
	assert_int_equal(json_array_size(json_object_get(o, "id")), 2);
	assert_null(read_line(f, fd));
	json_decref(o);
	close(fd);
	fixture_close(f);
}

static void
test_one_connection_is_one_request(void **state)
{
	struct fixture *f = fixture_open();
	int fd = dial(f);

	say(fd, VERSION VERSION VERSION);
	json_decref(read_json(f, fd));
	assert_null(read_line(f, fd));
	close(fd);
	fixture_close(f);
}

static void
test_what_is_no_request_is_closed_without_a_word(void **state)
{
	static const char *const lines[] = {
		"\n", "hello\n", "[]\n", "null\n", "{}\n", "{\"method\":1}\n", "{\"id\":1,\"params\":{}}\n",
		"{\"method\":\"host.version\"\n", "{\"method\":\"a\",\"method\":\"b\"}\n", "\xff\xfe\n",
		"{\"method\":\"host.version\"} x\n",
	};
	struct fixture *f = fixture_open();

	for (size_t i = 0; i < COUNT(lines); i++) {
		int fd = dial(f);

		say(fd, lines[i]);
		assert_null(read_line(f, fd));
		close(fd);
	}
	fixture_close(f);
}

static void
test_requests_are_refused_with_the_host_planes_codes(void **state)
{
	static const struct {
		const char	*method, *params;
		int		 code;
	} rows[] = {
		{ "host.nothing", "{}", -32601 },
		{ "host.version", "[]", -32602 },
		{ "host.version", "7", -32602 },
		{ "host.sessions.list", "{}", -32602 },
		{ "host.sessions.list", "{\"profile\":\"../x\"}", -32602 },
		{ "host.sessions.list", "{\"profile\":\"none\"}", -32004 },
		{ "host.session.read", "{\"profile\":\"default\",\"id\":\"../../.env\"}", -32602 },
		{ "host.session.read", "{\"profile\":\"default\",\"id\":7}", -32602 },
		{ "host.sandbox.set", "{\"profile\":\"default\",\"state\":\"maybe\"}", -32602 },
		{ "host.profile.create", "{\"name\":\"alpi\"}", -32602 },
		{ "host.profile.create", "{\"name\":\"default\"}", -32602 },
		{ "host.profile.delete", "{\"name\":\"default\"}", -32602 },
		{ "host.config.set_field", "{\"profile\":\"default\",\"key\":\"model\"}", -32602 },
		{ "host.approval.respond", "{\"request_id\":\"x\"}", -32602 },
	};
	struct fixture *f = fixture_open();

	for (size_t i = 0; i < COUNT(rows); i++) {
		json_t *o = call_host(f, rows[i].method, rows[i].params);

		if (code_of(o) != rows[i].code)
			fail_msg("%s %s: %d", rows[i].method, rows[i].params, code_of(o));
		json_decref(o);
	}
	fixture_close(f);
}

/* Write without end; 1 when the other side has closed. */
static int
pour(struct fixture *f, int fd, size_t bytes)
{
	static char chunk[65536];
	ssize_t n;

	memset(chunk, 'x', sizeof(chunk));
	while (bytes > 0) {
		n = send(fd, chunk, bytes < sizeof(chunk) ? bytes : sizeof(chunk), MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n == -1 && errno != EAGAIN)
			return 1;
		bytes -= n > 0 ? (size_t)n : 0;
		pump(f);
	}
	return 0;
}

static void
test_a_line_that_never_ends_is_cut_off_at_the_limit(void **state)
{
	struct fixture *f = fixture_open();
	int fd = dial(f);

	assert_int_equal(pour(f, fd, MESSAGE_MAX), 0);
	assert_int_equal(pour(f, fd, 100 * 1024 * 1024), 1);
	close(fd);
	fd = dial(f);
	say(fd, VERSION);
	json_decref(read_json(f, fd));
	close(fd);
	fixture_close(f);
}

static void
test_a_line_just_below_the_limit_is_served(void **state)
{
	struct fixture *f = fixture_open();
	int fd = dial(f);
	json_t *o;
	size_t head = strlen("{\"method\":\"host.version\",\"pad\":\"");

	say(fd, "{\"method\":\"host.version\",\"pad\":\"");
	assert_int_equal(pour(f, fd, MESSAGE_MAX - head - 2), 0);
	say(fd, "\"}\n");
	o = read_json(f, fd);
	assert_non_null(json_object_get(o, "result"));
	json_decref(o);
	close(fd);
	fixture_close(f);
}

static void
test_a_client_that_shuts_its_sending_side_still_gets_its_answer(void **state)
{
	struct fixture *f = fixture_open();
	int fd = dial(f);

	say(fd, VERSION);
	shutdown(fd, SHUT_WR);
	json_decref(read_json(f, fd));
	close(fd);
	fixture_close(f);
}

static void
test_a_client_that_leaves_is_forgotten(void **state)
{
	struct fixture *f = fixture_open();
	int half = dial(f), stream = begin_call(f, "host.events.subscribe", "{}");

	say(half, "{\"method\":");
	expect_frame(f, stream, "subscribed");
	close(half);
	close(stream);
	while (sock_clients(f->h.sock) > 0)
		pump(f);
	stream_emit(f->h.stream, "config_changed", json_object());
	fixture_close(f);
}

static void
test_silent_clients_make_room_for_one_that_asks(void **state)
{
	static int silent[SOCK_CLIENTS_MAX + 50];
	struct fixture *f = fixture_open();

	many_files();
	for (size_t i = 0; i < COUNT(silent); i++) {
		silent[i] = dial(f);
		pump(f);
	}
	assert_true(sock_clients(f->h.sock) <= SOCK_CLIENTS_MAX);
	json_decref(call_host(f, "host.version", "{}"));
	assert_null(read_line(f, silent[0]));	/* the oldest gave way */
	for (size_t i = 0; i < COUNT(silent); i++)
		close(silent[i]);
	fixture_close(f);
}

static void
test_an_engine_that_hangs_hangs_only_who_asked_it(void **state)
{
	struct fixture *f = fixture_open();
	int waits = begin_call(f, "host.sessions.list", "{\"profile\":\"default\"}");
	cleanup_json json_t *sessions = json_array();
	json_t *o;

	wait_asked(f, MSG_session_list);
	json_decref(call_host(f, "host.version", "{}"));
	answer(f, wait_asked(f, MSG_session_list), &(struct session_list_reply){ .sessions = sessions }, NULL);
	o = read_json(f, waits);
	assert_true(json_is_array(json_at(o, "result.sessions")));
	json_decref(o);
	close(waits);
	fixture_close(f);
}

static void
test_errors_of_the_bus_have_one_code_each(void **state)
{
	static const struct {
		enum error_code	 code;
		int		 number;
	} rows[] = {
		{ ERR_not_found, -32004 }, { ERR_invalid, -32602 }, { ERR_denied, -32001 }, { ERR_exists, -32008 },
		{ ERR_busy, -32008 }, { ERR_timeout, -32010 }, { ERR_unavailable, -32010 }, { ERR_io, -32603 },
	};
	struct fixture *f = fixture_open();

	for (size_t i = 0; i < COUNT(rows); i++) {
		int fd = begin_call(f, "host.session.read", "{\"profile\":\"default\",\"id\":\"abc\"}");
		json_t *o;

		answer(f, wait_asked(f, MSG_session_read), NULL, &(struct error){ .code = rows[i].code, .text = "why" });
		o = read_json(f, fd);
		assert_int_equal(code_of(o), rows[i].number);
		assert_string_equal(json_str(json_at(o, "error.data"), "detail", ""), "why");
		json_decref(o);
		close(fd);
	}
	fixture_close(f);
}

/* In a child, because there is no way back: what hostd can still open. */
static int
behind_the_fence(const char *root)
{
	static const char *const forbidden[] = { ".env", "config.yaml", "sessions/a.json", "profiles/work/.env" };
	cleanup_free char *run = path_join(root, "run"), *own = path_join(root, "host/new");
	struct error e = { 0 };
	FILE *mine;

	if (host_fence(root, run, &e) == -1)
		return 1;
	for (size_t i = 0; i < COUNT(forbidden); i++) {
		cleanup_free char *path = path_join(root, forbidden[i]);

		if (fopen(path, "r") != NULL || errno != EACCES)
			return (int)i + 2;
	}
	if (fopen("/etc/passwd", "r") != NULL)
		return 10;
	if ((mine = fopen(own, "w")) == NULL || fclose(mine) == EOF)
		return 11;
	if (execl("/bin/true", "true", NULL) == -1 && errno != EACCES && errno != EPERM)
		return 12;
	return 0;
}

static void
test_hostd_can_read_neither_secrets_nor_sessions(void **state)
{
	cleanup_free char *root = temp_home();
	static const char *const dirs[] = { "host", "run", "sessions", "profiles", "profiles/work" };
	int status;
	pid_t pid;

	for (size_t i = 0; i < COUNT(dirs); i++) {
		cleanup_free char *path = path_join(root, dirs[i]);

		assert_int_equal(mkdir(path, 0700), 0);
	}
	put_file(root, ".env", "OPENAI_API_KEY=x\n");
	put_file(root, "config.yaml", "model: a/b\n");
	put_file(root, "sessions/a.json", "{}");
	put_file(root, "profiles/work/.env", "A=b\n");
	if ((pid = fork()) == 0)
		_exit(behind_the_fence(root));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void
test_the_device_id_is_made_once(void **state)
{
	cleanup_free char *root = temp_home(), *dir = path_join(root, "host"), *file = path_join(dir, "device_id");
	char first[33], second[33];
	struct error e = { 0 };
	struct stat st;

	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(host_device_id(root, first, &e), 0);
	assert_int_equal(host_device_id(root, second, &e), 0);
	assert_string_equal(first, second);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	put_file(root, "host/device_id", "not an id");
	assert_int_equal(host_device_id(root, second, &e), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_socket_is_for_its_owner_only),
		TEST(test_a_line_may_come_a_byte_at_a_time),
		TEST(test_one_connection_is_one_request),
		TEST(test_what_is_no_request_is_closed_without_a_word),
		TEST(test_requests_are_refused_with_the_host_planes_codes),
		TEST(test_a_line_that_never_ends_is_cut_off_at_the_limit),
		TEST(test_a_line_just_below_the_limit_is_served),
		TEST(test_a_client_that_shuts_its_sending_side_still_gets_its_answer),
		TEST(test_a_client_that_leaves_is_forgotten),
		TEST(test_silent_clients_make_room_for_one_that_asks),
		TEST(test_an_engine_that_hangs_hangs_only_who_asked_it),
		TEST(test_errors_of_the_bus_have_one_code_each),
		TEST(test_hostd_can_read_neither_secrets_nor_sessions),
		TEST(test_the_device_id_is_made_once),
	};

	return RUN(tests);
}
