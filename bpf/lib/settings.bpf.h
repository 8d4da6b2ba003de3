/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#pragma once

#include "bpf/settings.h"

const volatile struct bpf_settings settings = {};
