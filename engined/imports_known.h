/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that no registry is asked for, sorted as strcmp sorts: Python's are
 * sys.stdlib_module_names of 3.11 and what other versions have beside them,
 * Node's are module.builtinModules.
 */
#ifndef ALPI_ENGINED_IMPORTS_KNOWN_H
#define ALPI_ENGINED_IMPORTS_KNOWN_H

static const char *const python_own[] = {
	"__future__", "__main__", "_abc", "_aix_support", "_ast", "_asyncio", "_bisect", "_blake2", "_bootsubprocess",
	"_bz2", "_codecs", "_codecs_cn", "_codecs_hk", "_codecs_iso2022", "_codecs_jp", "_codecs_kr", "_codecs_tw",
	"_collections", "_collections_abc", "_compat_pickle", "_compression", "_contextvars", "_crypt", "_csv", "_ctypes",
	"_curses", "_curses_panel", "_datetime", "_dbm", "_decimal", "_dummy_thread", "_elementtree", "_frozen_importlib",
	"_frozen_importlib_external", "_functools", "_gdbm", "_hashlib", "_heapq", "_imp", "_io", "_json", "_locale",
	"_lsprof", "_lzma", "_markupbase", "_md5", "_msi", "_multibytecodec", "_multiprocessing", "_opcode", "_operator",
	"_osx_support", "_overlapped", "_pickle", "_posixshmem", "_posixsubprocess", "_py_abc", "_pydecimal", "_pyio",
	"_queue", "_random", "_scproxy", "_sha1", "_sha256", "_sha3", "_sha512", "_signal", "_sitebuiltins", "_socket",
	"_sqlite3", "_sre", "_ssl", "_stat", "_statistics", "_string", "_strptime", "_struct", "_symtable", "_thread",
	"_threading_local", "_tkinter", "_tokenize", "_tracemalloc", "_typing", "_uuid", "_warnings", "_weakref",
	"_weakrefset", "_winapi", "_zoneinfo", "abc", "aifc", "annotationlib", "antigravity", "argparse", "array", "ast",
	"asynchat", "asyncio", "asyncore", "atexit", "audioop", "base64", "bdb", "binascii", "binhex", "bisect", "builtins",
	"bz2", "cProfile", "calendar", "cgi", "cgitb", "chunk", "cmath", "cmd", "code", "codecs", "codeop", "collections",
	"colorsys", "compileall", "compression", "concurrent", "configparser", "contextlib", "contextvars", "copy",
	"copyreg", "crypt", "csv", "ctypes", "curses", "dataclasses", "datetime", "dbm", "decimal", "difflib", "dis",
	"distutils", "doctest", "dummy_threading", "email", "encodings", "ensurepip", "enum", "errno", "faulthandler",
	"fcntl", "filecmp", "fileinput", "fnmatch", "formatter", "fractions", "ftplib", "functools", "gc", "genericpath",
	"getopt", "getpass", "gettext", "glob", "graphlib", "grp", "gzip", "hashlib", "heapq", "hmac", "html", "http",
	"idlelib", "imaplib", "imghdr", "imp", "importlib", "inspect", "io", "ipaddress", "itertools", "json", "keyword",
	"lib2to3", "linecache", "locale", "logging", "lzma", "macpath", "mailbox", "mailcap", "marshal", "math",
	"mimetypes", "mmap", "modulefinder", "msilib", "msvcrt", "multiprocessing", "netrc", "nis", "nntplib", "nt",
	"ntpath", "nturl2path", "numbers", "opcode", "operator", "optparse", "os", "ossaudiodev", "parser", "pathlib",
	"pdb", "pickle", "pickletools", "pipes", "pkgutil", "platform", "plistlib", "poplib", "posix", "posixpath",
	"pprint", "profile", "pstats", "pty", "pwd", "py_compile", "pyclbr", "pydoc", "pydoc_data", "pyexpat", "queue",
	"quopri", "random", "re", "readline", "reprlib", "resource", "rlcompleter", "runpy", "sched", "secrets", "select",
	"selectors", "shelve", "shlex", "shutil", "signal", "site", "smtpd", "smtplib", "sndhdr", "socket", "socketserver",
	"spwd", "sqlite3", "sre_compile", "sre_constants", "sre_parse", "ssl", "stat", "statistics", "string", "stringprep",
	"struct", "subprocess", "sunau", "symbol", "symtable", "sys", "sysconfig", "syslog", "tabnanny", "tarfile",
	"telnetlib", "tempfile", "termios", "textwrap", "this", "threading", "time", "timeit", "tkinter", "token",
	"tokenize", "tomllib", "trace", "traceback", "tracemalloc", "tty", "turtle", "turtledemo", "types", "typing",
	"unicodedata", "unittest", "urllib", "uu", "uuid", "venv", "warnings", "wave", "weakref", "webbrowser", "winreg",
	"winsound", "wsgiref", "xdrlib", "xml", "xmlrpc", "zipapp", "zipfile", "zipimport", "zlib", "zoneinfo",
};

static const char *const node_own[] = {
	"assert", "async_hooks", "buffer", "child_process", "cluster", "console", "constants", "crypto", "dgram",
	"diagnostics_channel", "dns", "domain", "events", "fs", "http", "http2", "https", "inspector", "module", "net",
	"os", "path", "perf_hooks", "process", "punycode", "querystring", "readline", "repl", "stream", "string_decoder",
	"sys", "timers", "tls", "trace_events", "tty", "url", "util", "v8", "vm", "wasi", "worker_threads", "zlib",
};

/* The package that has a module of another name. */
static const struct { const char *module, *package; } python_packages[] = {
	{ "Crypto", "pycryptodome" }, { "Cryptodome", "pycryptodomex" }, { "MySQLdb", "mysqlclient" },
	{ "OpenSSL", "pyopenssl" }, { "PIL", "pillow" }, { "Xlib", "python-xlib" }, { "attr", "attrs" },
	{ "bs4", "beautifulsoup4" }, { "cv2", "opencv-python" }, { "dateutil", "python-dateutil" },
	{ "docx", "python-docx" }, { "dotenv", "python-dotenv" }, { "fitz", "pymupdf" }, { "gi", "pygobject" },
	{ "git", "gitpython" }, { "github", "pygithub" }, { "jose", "python-jose" }, { "jwt", "pyjwt" },
	{ "ldap", "python-ldap" }, { "magic", "python-magic" }, { "multipart", "python-multipart" }, { "nacl", "pynacl" },
	{ "pkg_resources", "setuptools" }, { "pptx", "python-pptx" }, { "serial", "pyserial" },
	{ "skimage", "scikit-image" }, { "sklearn", "scikit-learn" }, { "slugify", "python-slugify" },
	{ "socks", "pysocks" }, { "telegram", "python-telegram-bot" }, { "usb", "pyusb" }, { "win32api", "pywin32" },
	{ "yaml", "pyyaml" }, { "zmq", "pyzmq" },
};

#endif
