# SPDX-License-Identifier: Apache-2.0
LIBSRCS += proto/proto.c
