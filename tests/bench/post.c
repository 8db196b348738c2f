/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor of a turn: one process that posts one chat request to the fake
 * provider on a bare socket, reads the stream to its end and exits.
 *   post PORT MODEL TEXT
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int
main(int argc, char *argv[])
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	char body[4096], request[8192], answer[65536 + 1];
	size_t kept = 0;
	ssize_t n;
	int fd;

	if (argc != 4) {
		fprintf(stderr, "usage: post PORT MODEL TEXT\n");
		return 2;
	}
	to.sin_port = htons((uint16_t)atoi(argv[1]));
	snprintf(body, sizeof(body), "{\"model\":\"%s\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]}",
	    argv[2], argv[3]);
	snprintf(request, sizeof(request), "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	    "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
	if ((fd = socket(AF_INET, SOCK_STREAM, 0)) == -1 || connect(fd, (struct sockaddr *)&to, sizeof(to)) == -1 ||
	    write(fd, request, strlen(request)) != (ssize_t)strlen(request)) {
		perror("post");
		return 1;
	}
	while ((n = read(fd, answer + kept, sizeof(answer) - 1 - kept)) > 0) {
		answer[kept + (size_t)n] = '\0';
		if (strstr(answer, "[DONE]") != NULL)
			return 0;
		kept = 16 < n ? 16 : (size_t)n;		/* the mark may be cut in two */
		memmove(answer, answer + (kept == 16 ? (size_t)n - 16 : 0), kept);
	}
	return 1;
}
