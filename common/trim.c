/* SPDX-License-Identifier: Apache-2.0 */
/* See trim.h. A page that is needed again costs one minor fault: it is still in the page cache. */
#include "common/trim.h"

#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__)

#include <link.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static int
trim_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + h->p_vaddr, end = start + h->p_filesz;

		/* Only whole pages of segments that were never writable: a relocated one is no copy of the file. */
		if (h->p_type != PT_LOAD || h->p_flags & PF_W)
			continue;
		start = (start + page - 1) & ~(page - 1);
		end &= ~(page - 1);
		if (start < end)
			madvise((void *)start, end - start, MADV_DONTNEED);
	}
	return 0;
}

void
trim_code(void)
{
	dl_iterate_phdr(trim_object, NULL);
}

#else

void
trim_code(void)
{
}

#endif
