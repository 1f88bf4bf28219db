/* Which device a selector names. The grammar is in clade/device.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "device/discovery.h"
#include "device/platforms.h"
#include "device/quirks.h"

static const char *const type_names[] = {"cpu", "gpu", "accelerator", "other"};

const char *clade_device_type_name(clade_device_type type)
{
    return (unsigned)type < 4 ? type_names[type] : "other";
}

/* "0 (0:0) NAME, PLATFORM; 1 (1:0) …" */
static void append_list(clade__text *text, const clade__found *found, int n_found,
                        const bool *matches)
{
    bool first = true;
    for (int i = 0; i < n_found; i++) {
        if (matches && !matches[i]) continue;
        const clade_device_info *info = &found[i].info;
        clade__text_append(text, "%s%d (%d:%d) %s, %s", first ? "" : "; ", info->index,
                           info->platform_index, info->device_index, info->name, info->platform);
        first = false;
    }
}

/* What is looked for, and where. */
typedef struct request {
    const char *selector;
    const char *from; /* follows the selector in messages: " (from CLADE_DEVICE)", or "" */
    clade__found *found;
    int n_found;
    bool *matches; /* of each found, whether the selector names it */
} request;

static clade_status fail_selection(const request *r, const char *what, const bool *listed)
{
    clade__text text = {0};
    append_list(&text, r->found, r->n_found, listed);
    clade_status status = clade__fail(CLADE_ENODEVICE, "device selector '%s'%s %s: %s", r->selector,
                                      r->from, what, text.data ? text.data : "");
    clade__text_free(&text);
    return status;
}

static bool is_old(const clade_device_info *info)
{
    int major = 0, minor = 0;
    return sscanf(info->version, "OpenCL %d.%d", &major, &minor) == 2 && (major < 1 || (major == 1 && minor < 2));
}

/* Of a driver that does not say, 0, nothing is known. */
static bool has_small_groups(const clade_device_info *info)
{
    return info->work_group_limit > 0 && info->work_group_limit < CLADE__LARGEST_GROUP;
}

clade_status clade__check_usable(const clade_device_info *info)
{
    if (!info->available)
        return clade__fail(CLADE_ENODEVICE, "%s (%s) is listed but not available, or its driver has "
                           "no compiler", info->name, info->platform);
    if (is_old(info))
        return clade__fail(CLADE_ENODEVICE, "%s offers %s; OpenCL 1.2 is needed: look for a newer "
                           "driver", info->name, info->version);
    if (has_small_groups(info))
        return clade__fail(CLADE_ENODEVICE, "%s takes work-groups of at most %zu work-items; %d are needed: look for "
                           "another driver, or another device", info->name, info->work_group_limit,
                           CLADE__LARGEST_GROUP);
    return CLADE_OK;
}

/* What can be used, kinds in order of choice, then an estimate of speed. */
static double score(const clade__found *found)
{
    static const double kind[] = {
        [CLADE_DEVICE_CPU] = 1, [CLADE_DEVICE_GPU] = 4, [CLADE_DEVICE_ACCELERATOR] = 3};
    const clade_device_info *info = &found->info;
    double rank = info->type == CLADE_DEVICE_OTHER ? 0 : kind[info->type];
    /* A GPU with memory of its own is the faster one, whatever it says of its clock. */
    if (info->type == CLADE_DEVICE_GPU && !found->unified_memory) rank += 1;
    if (clade__quirks_of(info).renders_in_software) rank -= 0.5;
    if (is_old(info) || has_small_groups(info)) rank -= 10;
    double width = info->float_vector_width > 0 ? info->float_vector_width : 1;
    double speed = (double)info->compute_units * (info->clock_mhz > 0 ? info->clock_mhz : 1) * width;
    return rank * 1e12 + speed;
}

/* The best available device among those that match, -1 if there is none. Where none can be used, opening it says
 * why not. */
static int best_of(const request *r)
{
    int best = -1;
    for (int i = 0; i < r->n_found; i++)
        if (r->matches[i] && r->found[i].info.available &&
            (best < 0 || score(&r->found[i]) > score(&r->found[best])))
            best = i;
    return best;
}

/* Decimal number from `text` up to `end`; -1 if it is none. */
static int parse_number(const char *text, const char *end)
{
    if (text == end || end - text > 6) return -1;
    int value = 0;
    for (; text < end; text++) {
        if (*text < '0' || *text > '9') return -1;
        value = 10 * value + (*text - '0');
    }
    return value;
}

/* Whether the selector is the short name of a platform that has a device. */
static bool is_platform(const request *r)
{
    for (int i = 0; i < r->n_found; i++)
        if (clade__platform_is(r->found[i].info.platform, r->selector)) return true;
    return false;
}

/* Sets matches for a number, a pair of numbers, a platform's short name, or a part of a name. */
static void match(const request *r)
{
    const char *selector = r->selector;
    bool platform_alone = is_platform(r);
    const char *end = selector + strlen(selector), *colon = strchr(selector, ':');
    int index = parse_number(selector, end);
    int platform = colon ? parse_number(selector, colon) : -1;
    int device = colon ? parse_number(colon + 1, end) : -1;
    for (int i = 0; i < r->n_found; i++) {
        const clade_device_info *info = &r->found[i].info;
        if (index >= 0)
            r->matches[i] = info->index == index;
        else if (platform >= 0 && device >= 0)
            r->matches[i] = info->platform_index == platform && info->device_index == device;
        else if (platform_alone)
            r->matches[i] = clade__platform_is(info->platform, selector);
        else
            r->matches[i] = clade__contains_nocase(info->name, selector) ||
                            clade__contains_nocase(info->platform, selector);
    }
}

/* The best of a kind, or of all. */
static clade_status select_best(const request *r, int *index, char *why, size_t why_bytes)
{
    int kind = -1, n_kind = 0;
    for (int t = 0; t < 3; t++)
        if (strcmp(r->selector, type_names[t]) == 0) kind = t;
    for (int i = 0; i < r->n_found; i++) {
        r->matches[i] = kind < 0 || r->found[i].types & 1u << kind;
        if (r->matches[i]) n_kind++;
    }
    int best = best_of(r);
    if (best < 0)
        return fail_selection(r, "matches no device that is available; there is", NULL);
    clade_device_info *info = &r->found[best].info;
    if (kind >= 0) info->type = (clade_device_type)kind;
    if (r->n_found == 1)
        snprintf(why, why_bytes, "%s is the only device", info->name);
    else if (kind >= 0)
        snprintf(why, why_bytes, "%s is the %s%s device%s", info->name,
                 n_kind > 1 ? "best " : "only ", r->selector, r->from);
    else
        snprintf(why, why_bytes, "%s is the best device: %s, %d compute units", info->name,
                 info->type == CLADE_DEVICE_GPU           ? "a GPU"
                 : info->type == CLADE_DEVICE_ACCELERATOR ? "an accelerator, and there is no GPU"
                                                          : "a CPU, and there is no GPU",
                 info->compute_units);
    *index = best;
    return CLADE_OK;
}

/* The one device that a number or a part of a name matches. */
static clade_status select_named(const request *r, int *index, char *why, size_t why_bytes)
{
    int n_matches = 0;
    match(r);
    for (int i = 0; i < r->n_found; i++) {
        if (!r->matches[i]) continue;
        n_matches++;
        *index = i;
    }
    if (n_matches == 0) return fail_selection(r, "matches nothing; there is", NULL);
    if (n_matches > 1)
        return fail_selection(r, "matches more than one device; say which by its number",
                              r->matches);
    snprintf(why, why_bytes, "%s is what '%s'%s names", r->found[*index].info.name, r->selector,
             r->from);
    return CLADE_OK;
}

clade_status clade__select(clade__found *found, int n_found, const char *selector, int *index,
                           char *why, size_t why_bytes)
{
    request r = {.selector = selector, .from = "", .found = found, .n_found = n_found};
    if (!selector || !*selector) {
        const char *environment = getenv("CLADE_DEVICE");
        r.selector = environment ? environment : "";
        if (*r.selector) r.from = " (from CLADE_DEVICE)";
    }
    r.matches = calloc((size_t)n_found, sizeof *r.matches);
    if (!r.matches) return clade__fail(CLADE_ENOMEM, "no memory to select a device");
    bool by_kind = !*r.selector || !strcmp(r.selector, "gpu") || !strcmp(r.selector, "cpu") ||
                   !strcmp(r.selector, "accelerator");
    clade_status status = by_kind ? select_best(&r, index, why, why_bytes)
                                  : select_named(&r, index, why, why_bytes);
    free(r.matches);
    return status;
}
