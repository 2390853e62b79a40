/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MODEL_LIMITS_H
#define MODEL_LIMITS_H

#define U64_MAX	UINT64_MAX
#define U32_MAX	UINT32_MAX

#endif
