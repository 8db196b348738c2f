/* SPDX-License-Identifier: Apache-2.0 */
/* The half of read_image that reads: whatever the file is, what comes out fits a model, or nothing does. */
#include "tests/unit/tool.h"

#include <sodium.h>

#include "toolrunner/picture.h"

#define HAS(PROGRAM)	(access("/usr/bin/" PROGRAM, X_OK) == 0)

/* ---- images ----------------------------------------------------------------------------------------- */

static void
put_bytes(const char *name, const struct buf *b)
{
	cleanup_free char *path = xasprintf("%s/%s", workspace, name);
	FILE *f = fopen(path, "w");

	assert_int_equal(fwrite(buf_str(b), 1, b->len, f), b->len);
	assert_int_equal(fclose(f), 0);
}

static void
add_number(struct buf *b, uint32_t n)
{
	unsigned char bytes[4] = { n >> 24, n >> 16, n >> 8, n };

	buf_add(b, bytes, 4);
}

static uint32_t
crc_of(const char *type, const unsigned char *data, size_t len)
{
	uint32_t crc = ~0U;

	for (size_t i = 0; i < 4 + len; i++) {
		crc ^= i < 4 ? (unsigned char)type[i] : data[i - 4];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static void
add_chunk(struct buf *b, const char *type, const struct buf *data)
{
	add_number(b, (uint32_t)data->len);
	buf_add(b, type, 4);
	buf_add(b, buf_str(data), data->len);
	add_number(b, crc_of(type, (const unsigned char *)buf_str(data), data->len));
}

/* Deflate without packing: blocks of 65,535 bytes as they are. */
static void
pack(struct buf *out, const unsigned char *raw, size_t len)
{
	uint32_t a = 1, b = 0;

	buf_add(out, "\x78\1", 2);
	for (size_t at = 0, n; at < len; at += n) {
		n = len - at < 65535 ? len - at : 65535;
		buf_add(out, (unsigned char[]){ at + n == len, n, n >> 8, ~n, ~n >> 8 }, 5);
		buf_add(out, raw + at, n);
	}
	for (size_t i = 0; i < len; i++) {
		a = (a + raw[i]) % 65521;
		b = (b + a) % 65521;
	}
	add_number(out, b << 16 | a);
}

/* The header of a PNG that says this size; channels: 3, or 4 with transparency. */
static void
add_header(struct buf *b, uint32_t width, uint32_t height, unsigned char channels)
{
	cleanup_buf struct buf head = BUF(0);

	add_number(&head, width);
	add_number(&head, height);
	buf_add(&head, (unsigned char[]){ 8, channels == 4 ? 6 : 2, 0, 0, 0 }, 5);
	buf_add(b, "\x89PNG\r\n\x1a\n", 8);
	add_chunk(b, "IHDR", &head);
}

static void
add_pixels(struct buf *b, uint32_t width, uint32_t height, unsigned char channels, bool noise)
{
	size_t row = 1 + (size_t)width * channels, len = row * height;
	cleanup_free unsigned char *raw = xmalloc(len);
	cleanup_buf struct buf packed = BUF(0), nothing = BUF(0);

	memset(raw, 7, len);
	if (noise)
		randombytes_buf_deterministic(raw, len, (const unsigned char *)"thirty-two bytes of seed to noise");
	for (size_t y = 0; y < height; y++)
		raw[y * row] = 0;
	pack(&packed, raw, len);
	add_chunk(b, "IDAT", &packed);
	add_chunk(b, "IEND", &nothing);
}

static void
png(struct buf *b, uint32_t width, uint32_t height, unsigned char channels, bool noise)
{
	add_header(b, width, height, channels);
	add_pixels(b, width, height, channels, noise);
}

static void
put_png(const char *name, uint32_t width, uint32_t height, unsigned char channels, bool noise)
{
	cleanup_buf struct buf b = BUF(0);

	png(&b, width, height, channels, noise);
	put_bytes(name, &b);
}

/* The picture that a call put out; its media type. The caller frees. */
static char *
shown(const struct outcome *o, struct buf *image)
{
	cleanup_json json_t *j = json_parse(buf_str(&o->r.output), o->r.output.len, 4, NULL);
	const char *data = json_str(j, "data", "");
	cleanup_free unsigned char *bytes = xmalloc(strlen(data) + 1);
	size_t n = 0;

	if (o->status != 0)
		fail_msg("%s", o->e.text);
	assert_int_equal(sodium_base642bin(bytes, strlen(data) + 1, data, strlen(data), NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL), 0);
	buf_add(image, bytes, n);
	assert_string_equal(picture_sniff(bytes, n), json_str(j, "mime", ""));
	assert_true(n <= PICTURE_FIT);
	return xstrdup(json_str(j, "mime", ""));
}

static char *
look(const char *name, struct buf *image)
{
	cleanup_free char *args = xasprintf("{'path':'%s'}", name);
	cleanup_outcome struct outcome o = run_tool("read_image", args);

	return shown(&o, image);
}

static void
refused(const char *name, const char *why)
{
	cleanup_free char *args = xasprintf("{'path':'%s'}", name);
	cleanup_outcome struct outcome o = run_tool("read_image", args);

	if (o.status != -1)
		fail_msg("%s was shown", name);
	if (strstr(o.e.text, why) == NULL)
		fail_msg("%s: %s", name, o.e.text);
	assert_int_equal(o.r.output.len, 0);
}

static uint32_t
number_at(const struct buf *b, size_t at)
{
	const unsigned char *p = (const unsigned char *)b->data + at;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Of a JPEG: from its start-of-frame. */
static void
jpeg_size(const struct buf *b, unsigned *width, unsigned *height)
{
	const unsigned char *p = (const unsigned char *)b->data;

	for (size_t at = 2; at + 9 < b->len; at += 2 + (p[at + 2] << 8 | p[at + 3]))
		if (p[at + 1] >= 0xc0 && p[at + 1] <= 0xc2) {
			*height = p[at + 5] << 8 | p[at + 6];
			*width = p[at + 7] << 8 | p[at + 8];
			return;
		}
	fail_msg("no size");
}

/* ---- claims ----------------------------------------------------------------------------------------- */

static void
test_an_image_that_fits_stays_as_it_is(void **state)
{
	cleanup_buf struct buf was = BUF(0), is = BUF(0);
	cleanup_free char *mime = NULL;

	png(&was, 300, 200, 3, true);
	put_bytes("a.txt", &was);		/* what it is, its bytes say */
	mime = look("a.txt", &is);
	assert_string_equal(mime, "image/png");
	assert_int_equal(is.len, was.len);
	assert_memory_equal(is.data, was.data, was.len);
}

static void
test_a_large_image_becomes_a_jpeg_of_1568_pixels(void **state)
{
	cleanup_buf struct buf is = BUF(0);
	cleanup_free char *mime = NULL;
	unsigned width = 0, height = 0;

	if (!HAS("gm"))
		skip();
	put_png("wide.png", 3136, 1000, 3, false);
	mime = look("wide.png", &is);
	assert_string_equal(mime, "image/jpeg");
	jpeg_size(&is, &width, &height);
	assert_int_equal(width, 1568);
	assert_int_equal(height, 500);
}

static void
test_a_transparent_one_stays_a_png(void **state)
{
	cleanup_buf struct buf is = BUF(0);
	cleanup_free char *mime = NULL;

	if (!HAS("gm"))
		skip();
	put_png("tall.png", 100, 3136, 4, false);
	mime = look("tall.png", &is);
	assert_string_equal(mime, "image/png");
	assert_int_equal(number_at(&is, 16), 50);
	assert_int_equal(number_at(&is, 20), 1568);
}

static void
test_what_would_not_fit_as_a_png_becomes_a_jpeg(void **state)
{
	cleanup_buf struct buf is = BUF(0);
	cleanup_free char *mime = NULL;

	if (!HAS("gm"))
		skip();
	put_png("noise.png", 1500, 1500, 4, true);
	mime = look("noise.png", &is);
	assert_string_equal(mime, "image/jpeg");
}

static void
test_a_bmp_becomes_what_models_take(void **state)
{
	static const char head[] = "BM\xf6\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x08\0\0\0\x08\0\0\0\1\0\x18\0";
	cleanup_buf struct buf b = BUF(0), is = BUF(0);
	cleanup_free char *mime = NULL;

	buf_add(&b, head, sizeof(head) - 1);
	while (b.len < 246)
		buf_addc(&b, b.len < 54 ? 0 : 0x55);
	put_bytes("a.bmp", &b);
	if (!HAS("gm")) {
		refused("a.bmp", "graphicsmagick");
		return;
	}
	mime = look("a.bmp", &is);
	assert_string_equal(mime, "image/jpeg");
}

static void
test_a_drawing_is_drawn(void **state)
{
	cleanup_buf struct buf is = BUF(0);
	cleanup_free char *mime = NULL;

	put_file(workspace, "a.svg", "<?xml version='1.0'?>\n<!-- by hand -->\n<svg xmlns='http://www.w3.org/2000/svg' width='20' "
	    "height='10'><rect width='20' height='10' fill='red'/></svg>");
	if (!HAS("rsvg-convert")) {
		refused("a.svg", "librsvg2-bin");
		return;
	}
	mime = look("a.svg", &is);
	assert_string_equal(mime, "image/png");
	assert_int_equal(number_at(&is, 16), 1568);
	assert_int_equal(number_at(&is, 20), 784);
}

static void
test_a_drawing_takes_nothing_from_other_files(void **state)
{
	cleanup_buf struct buf with = BUF(0), without = BUF(0);
	cleanup_free char *mime = NULL, *also = NULL, *text = NULL;

	if (!HAS("rsvg-convert"))
		skip();
	put_png("secret.png", 40, 30, 3, true);
	text = xasprintf("<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' width='40' height='30'>"
	    "<image xlink:href='secret.png' width='40' height='30'/><image xlink:href='file://%s/secret.png' width='40' height='30'/>"
	    "</svg>", workspace);
	put_file(workspace, "with.svg", text);
	put_file(workspace, "without.svg", "<svg xmlns='http://www.w3.org/2000/svg' width='40' height='30'></svg>");
	mime = look("with.svg", &with);
	also = look("without.svg", &without);
	assert_int_equal(with.len, without.len);
	assert_memory_equal(with.data, without.data, with.len);
	put_file(workspace, "entity.svg", "<!DOCTYPE svg [<!ENTITY x SYSTEM 'file:///etc/hosts'>]><svg xmlns='http://www.w3.org/2000/svg' "
	    "width='40' height='30'><text y='20'>&x;</text></svg>");
	refused("entity.svg", "rsvg-convert");
	put_file(workspace, "laughs.svg", "<!DOCTYPE svg [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'><!ENTITY c "
	    "'&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;'><!ENTITY e '&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;'>"
	    "<!ENTITY f '&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;'><!ENTITY g '&f;&f;&f;&f;&f;&f;&f;&f;&f;&f;'><!ENTITY h '&g;&g;&g;&g;&g;&g;'>]>"
	    "<svg xmlns='http://www.w3.org/2000/svg' width='40' height='30'><text y='20'>&h;</text></svg>");
	refused("laughs.svg", "rsvg-convert");
}

static void
test_a_bomb_is_refused_before_it_is_decoded(void **state)
{
	cleanup_buf struct buf b = BUF(0);

	if (!HAS("gm"))
		skip();
	add_header(&b, 50000, 50000, 3);
	add_pixels(&b, 1000, 100, 3, false);
	put_bytes("bomb.png", &b);
	refused("bomb.png", "gm");
}

static void
test_broken_images_are_refused(void **state)
{
	cleanup_buf struct buf b = BUF(0);

	if (!HAS("gm"))
		skip();
	png(&b, 400, 300, 3, true);
	b.len /= 2;
	put_bytes("cut.png", &b);
	refused("cut.png", "gm");
	put_file(workspace, "noise.jpg", "\xff\xd8\xff\xe0 and then nothing of a JPEG");
	refused("noise.jpg", "gm");
	put_file(workspace, "noise.gif", "GIF89a and then nothing");
	refused("noise.gif", "gm");
	put_file(workspace, "noise.webp", "RIFF1234WEBPVP8 and then nothing");
	refused("noise.webp", "gm");
}

static void
test_what_is_no_image_is_refused(void **state)
{
	cleanup_free char *huge = xasprintf("%s/huge", workspace), *pipe_path = xasprintf("%s/pipe", workspace);

	put_file(workspace, "a.png", "no image at all");
	put_file(workspace, "page.html", "<html><body>words</body></html>");
	put_file(workspace, "empty", "");
	put_file(workspace, "huge", "\x89PNG\r\n\x1a\n");
	assert_int_equal(truncate(huge, PICTURE_MAX + 1), 0);
	assert_int_equal(mkfifo(pipe_path, 0600), 0);
	refused("a.png", "is no image");
	refused("page.html", "is no image");
	refused("empty", "is no image");
	refused("huge", "20 MB");
	refused("pipe", "regular file");
	refused(".", "");
	refused("missing", "");
}

static void
test_secrets_and_links_to_them_are_refused(void **state)
{
	put_file(workspace, ".env", "KEY=1\n");
	link_in_workspace(".env", "a.png");
	refused("a.png", "");
	refused(".env", "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WORKSPACE_TEST(test_an_image_that_fits_stays_as_it_is),
		WORKSPACE_TEST(test_a_large_image_becomes_a_jpeg_of_1568_pixels),
		WORKSPACE_TEST(test_a_transparent_one_stays_a_png),
		WORKSPACE_TEST(test_what_would_not_fit_as_a_png_becomes_a_jpeg),
		WORKSPACE_TEST(test_a_bmp_becomes_what_models_take),
		WORKSPACE_TEST(test_a_drawing_is_drawn),
		WORKSPACE_TEST(test_a_drawing_takes_nothing_from_other_files),
		WORKSPACE_TEST(test_a_bomb_is_refused_before_it_is_decoded),
		WORKSPACE_TEST(test_broken_images_are_refused),
		WORKSPACE_TEST(test_what_is_no_image_is_refused),
		WORKSPACE_TEST(test_secrets_and_links_to_them_are_refused),
	};

	return RUN(tests);
}
