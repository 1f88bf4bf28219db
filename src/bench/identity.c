/* Who is measured: the machine around the device, as far as it tells. */
#define _GNU_SOURCE 1 /* sched_getaffinity */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/number.h"
#include "bench/suite_state.h"

/* The first line of a small file, without its line break; false where there is none. */
static bool read_line(const char *path, char *out, size_t out_bytes)
{
    FILE *file = fopen(path, "re");
    bool good = file && fgets(out, (int)out_bytes, file);
    if (file) fclose(file);
    if (!good) return false;
    out[strcspn(out, "\n")] = '\0';
    return true;
}

/* What follows "KEY…: " or "KEY=" in a file of lines, quotes aside. */
static bool read_value(const char *path, const char *key, char *out, size_t out_bytes)
{
    char line[512];
    FILE *file = fopen(path, "re");
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file)) {
        if (strncmp(line, key, strlen(key)) != 0) continue;
        const char *at = line + strcspn(line, ":=");
        at += strspn(at, ":= \t\"");
        snprintf(out, out_bytes, "%.*s", (int)strcspn(at, "\"\n"), at);
        found = true;
    }
    if (file) fclose(file);
    return found;
}

static void find_processors(clade_suite_identity *identity)
{
    cpu_set_t set;
    int first = 0;
    identity->n_processors = (int)sysconf(_SC_NPROCESSORS_ONLN);
    identity->n_allowed = identity->n_processors;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        identity->n_allowed = CPU_COUNT(&set);
        while (first < CPU_SETSIZE - 1 && !CPU_ISSET(first, &set)) first++;
    }
    char path[96];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor", first);
    if (!read_line(path, identity->governor, sizeof identity->governor)) identity->governor[0] = '\0';
}

static void find_system(clade_suite_identity *identity)
{
    struct utsname name;
    char release[96] = "";
    read_value("/etc/os-release", "PRETTY_NAME", release, sizeof release);
    if (uname(&name) != 0) return;
    snprintf(identity->system, sizeof identity->system, "%s%s%.16s %.48s %.16s", release,
             release[0] ? ", " : "", name.sysname, name.release, name.machine);
}

void clade__suite_identify(clade_suite_identity *identity, clade_device *device)
{
    *identity = (clade_suite_identity){.device = clade_device_describe(device),
                                       .clade = clade_version(),
                                       .clblast = clade_bench_clblast_version()};
    time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc))
        strftime(identity->date, sizeof identity->date, "%Y-%m-%dT%H:%M:%SZ", &utc);
    find_system(identity);
    read_value("/proc/cpuinfo", "model name", identity->processor, sizeof identity->processor);
    char mhz[64] = "";
    if (read_value("/proc/cpuinfo", "cpu MHz", mhz, sizeof mhz))
        (void)clade__number_double(mhz, &identity->host_mhz);
    find_processors(identity);
    long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGE_SIZE);
    if (pages > 0 && bytes > 0) identity->host_memory_bytes = (uint64_t)pages * (uint64_t)bytes;
}
