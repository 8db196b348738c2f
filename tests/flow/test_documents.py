# SPDX-License-Identifier: Apache-2.0
"""Documents: PDF and DOCX are read inside the sandbox, hostile ones too; learn_file keeps one and indexes it."""
import io
import json
import os
import re
import struct
import subprocess
import zipfile

import pytest

from test_index import call, counts, index, put, search, tools
from test_index import begin

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def document(*paragraphs, head=""):
    body = "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in paragraphs)
    return f'<?xml version="1.0"?>{head}<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>'


def docx(xml, name="word/document.xml", method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(name, xml)
    return out.getvalue()


def pdf(*pages, more=b""):
    """The smallest PDF with a line of text on each page; more: bytes of an object that nobody looks at."""
    n = len(pages)
    kids = " ".join(f"{4 + 2 * i} 0 R" for i in range(n))
    parts = [b"<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {n} >>".encode(),
             b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    for i, text in enumerate(pages):
        stream = f"BT /F1 12 Tf 20 100 Td ({text}) Tj ET".encode() if text else b""
        parts.append(b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 900 200] /Contents %d 0 R "
                     b"/Resources << /Font << /F1 3 0 R >> >> >>" % (5 + 2 * i))
        parts.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
    parts.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(more), more))
    return put_together(parts)


def scan(*pages):
    """A PDF whose pages are pictures of such lines."""
    drawn = [subprocess.run(["pdftoppm", "-q", "-jpeg", "-scale-to", "1800", "-"], input=pdf(text), stdout=subprocess.PIPE,
                            check=True).stdout for text in pages]
    kids = " ".join(f"{3 + 3 * i} 0 R" for i in range(len(pages)))
    parts = [b"<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode()]
    for i, jpeg in enumerate(drawn):
        height, width = struct.unpack_from(">HH", jpeg, jpeg.index(b"\xff\xc0") + 5)
        shown = b"%d 0 0 %d 0 0 cm /I Do" % (width, height)
        parts.append(b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Contents %d 0 R /Resources << /XObject << /I %d 0 R >> >> >>"
                     % (width, height, 5 + 3 * i, 4 + 3 * i))
        parts.append(b"<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceRGB /BitsPerComponent 8 "
                     b"/Filter /DCTDecode /Length %d >>\nstream\n%s\nendstream" % (width, height, len(jpeg), jpeg))
        parts.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(shown), shown))
    return put_together(parts)


def put_together(parts):
    out, offsets = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(parts) + 1
    return out + b"xref\n0 %d\n0000000000 65535 f \n%strailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        size, table, size, len(out))


needs_pdftotext = pytest.mark.skipif(not os.access("/usr/bin/pdftotext", os.X_OK), reason="poppler-utils is not installed")
needs_tesseract = pytest.mark.skipif(not os.access("/usr/bin/tesseract", os.X_OK), reason="tesseract-ocr is not installed")


def test_the_words_of_a_docx_are_found(any_user_home, provider):
    home = any_user_home
    put(home, "a.docx", docx(document("The walrus &amp; the ice", "Zweite Zeile: Größe")))
    put(home, "stored.docx", docx(document("an osprey"), method=zipfile.ZIP_STORED))
    begin(home, provider)
    assert counts(index(home)) == (2, 0, 0, 0)
    [row] = search(home, "walrus")
    assert row["path"] == "a.docx" and "The walrus & the ice" in row["snippet"] and row["line_end"] == 2
    assert search(home, "größe")[0]["path"] == "a.docx"
    assert search(home, "osprey")[0]["path"] == "stored.docx"


@needs_pdftotext
def test_the_words_of_a_pdf_are_found(any_user_home, provider):
    home = any_user_home
    put(home, "a.pdf", pdf("a walrus in print"))
    begin(home, provider)
    assert counts(index(home)) == (1, 0, 0, 0)
    assert "walrus in print" in search(home, "walrus")[0]["snippet"]


@needs_pdftotext
@needs_tesseract
def test_the_words_of_a_scan_are_found_when_ocr_reads_it(any_user_home, provider):
    home = any_user_home
    put(home, "scan.pdf", scan("the walrus counted forty fish", "and kept a ledger of them"))
    put(home, "blank.pdf", pdf("", ""))
    begin(home, provider)
    told = json.loads(learn(home, name="plain", source_path="scan.pdf")["output"])
    assert told["ok"] and not told["indexed"] and "ocr" in told["error"]
    told = json.loads(learn(home, name="read", source_path="scan.pdf", ocr=True)["output"])
    assert told["ok"] and told["indexed"] and "error" not in told
    assert "walrus counted forty fish" in search(home, "walrus")[0]["snippet"]
    assert [row["path"] for row in search(home, "ledger")] == [told["path"]]
    told = json.loads(learn(home, name="blank", source_path="blank.pdf", ocr=True)["output"])
    assert told["ok"] and not told["indexed"] and "without text" in told["error"]


ENTITY = '<!DOCTYPE w [<!ENTITY a "walrus"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
HOSTILE = {
    "no-zip.docx": b"PK\x03\x04 not really", "empty.docx": b"", "other.docx": docx("<x/>", name="../../word/document.xml"),
    "bomb.docx": docx("<x>" + "a" * (70 << 20) + "</x>"), "doctype.docx": docx(document("&b;", head=ENTITY)),
    "outside.docx": docx(document("&x;", head='<!DOCTYPE w [<!ENTITY x SYSTEM "file:///etc/passwd">]>')),
    "deep.docx": docx("<a>" * 100000), "cut.docx": docx(document("walrus"))[:-60], "xml.docx": docx("<w:p>"),
    "rubbish.pdf": b"%PDF-1.4 rubbish", "zero.pdf": bytes(5000), "large.pdf": b"%PDF-1.4" + bytes(11 << 20),
    "picture.png": b"\x89PNG" + bytes(100),
}


def test_hostile_documents_are_skipped_and_say_why(home, provider):
    for name, content in HOSTILE.items():
        put(home, name, content)
    put(home, "good.docx", docx(document("a walrus")))
    begin(home, provider)
    result = index(home)
    assert counts(result) == (1, 0, 0, len(HOSTILE)), result
    assert [row["path"] for row in search(home, "walrus")] == ["good.docx"]
    for row in result["skipped_files"]:
        assert row["reason"] and "/proc" not in row["reason"]
    again = index(home)
    assert again["indexed"] == 0 and again["removed"] == 0


def test_a_long_document_gives_its_beginning(home, provider):
    put(home, "long.docx", docx(document("walrus", *["filler words " * 20] * 8000, "osprey")))
    begin(home, provider)
    assert counts(index(home)) == (1, 0, 0, 0)
    assert len(search(home, "walrus")) == 1 and search(home, "osprey") == []


def learn(home, **arguments):
    [tool] = tools(home, {"calls": [{"name": "learn_file", "arguments": arguments}]})
    return tool


def test_a_learned_document_is_kept_listed_and_found(any_user_home, provider):
    home = any_user_home
    source = put(home, "inbox/report.docx", docx(document("the walrus report")))
    begin(home, provider)
    for expected in ("", "-2"):
        told = json.loads(learn(home, name="Walrus report", source_path="inbox/report.docx")["output"])
        assert told["ok"] and told["indexed"] and "error" not in told
        assert re.fullmatch(rf"\.alpi/documents/\d{{4}}/\d\d/\d{{4}}-\d\d-\d\d-Walrus-report{expected}\.docx", told["path"])
        assert (home.workspace / told["path"]).read_bytes() == source.read_bytes()
    source.unlink()
    rows = [json.loads(line) for line in (home.workspace / ".alpi/documents/manifest.jsonl").read_text().splitlines()]
    assert len(rows) == 2 and rows[1]["path"] == told["path"] and rows[0]["original_name"] == "report.docx"
    assert rows[0]["mime"].endswith("wordprocessingml.document") and rows[0]["size"] > 0 and rows[0]["learned_at"].endswith("Z")
    assert {row["path"] for row in search(home, "walrus")} == {row["path"] for row in rows}
    assert counts(index(home)) == (0, 2, 0, 0)              # the manifest is no document


@pytest.mark.parametrize("name,folder", [("../../evil", ""), ("/etc/passwd", "../../.."), (".env", ".ssh"), ("a\nb", "x/y"), ("", "..")])
def test_no_name_leads_out_of_the_documents(home, provider, name, folder):
    put(home, "a.txt", "walrus\n")
    begin(home, provider)
    told = json.loads(learn(home, name=name, source_path="a.txt", folder=folder)["output"])
    kept = (home.workspace / told["path"]).resolve()
    assert str(kept).startswith(str(home.workspace / ".alpi" / "documents") + "/") and kept.read_text() == "walrus\n"


def test_what_cannot_be_learned_is_an_error(home, provider):
    put(home, ".env", "KEY=1\n")
    put(home, "picture.png", b"\x89PNG" + bytes(100))
    begin(home, provider)
    assert not learn(home, name="x", source_path=".env")["ok"]
    assert not learn(home, name="x", source_path="nothing")["ok"]
    assert not learn(home, name="x", source_path=".")["ok"]
    told = json.loads(learn(home, name="x", source_path="picture.png")["output"])
    assert told["ok"] and not told["indexed"] and "picture" in told["error"]
