/* What was tuned for a device: lines of text, kept in a file for each device, driver and version of the libraries.
 *
 *   clade tuned 1
 *   platform …, device …, driver …, units …, clblast …     a line each: what the rest holds for
 *   lines as their writers have them                       see tune/tune.c
 *   sum 16 hexadecimal digits                              of all before, against damage
 *
 * The file lies in the folder of the library's caches, and is trusted and written as its others are. It is read
 * when the device is opened, so that all of a process sees one state of it. One that is damaged counts as none,
 * and the device's reason says so. */
#ifndef CLADE_DEVICE_TUNED_H
#define CLADE_DEVICE_TUNED_H

#include <stddef.h>

#include <clade/device.h>

#include "base/error.h"

/* Reads the device's file into device->tuned, and tells of damage in device->reason. */
void clade__tuned_load(clade_device *device);

/* All lines; "" where there are none. */
const char *clade__tuned_lines(const clade_device *device);

/* The value of the first line of what was read that begins with this word; NULL where there is none. A line ends at
 * its line break, and *n_bytes is its length. */
const char *clade__tuned_find(const clade_device *device, const char *word, size_t *n_bytes);

/* A file's text around lines, each of which ends in a line break; malloc'd. */
clade_status clade__tuned_pack(char **out, const clade_device *device, const char *lines);

/* The lines of a file's text; malloc'd. CLADE_EDATA, beginning with `name`, for a text that is damaged or no such
 * file, and for one that is of another device, driver or version, which it names. */
clade_status clade__tuned_unpack(char **lines, const clade_device *device, const char *name, const char *text,
                                 size_t n_bytes);

/* Makes lines the device's, in place of those before, on disk and in device->tuned; NULL: none, and no file. What
 * was set by them before stays in use until the device is opened again. CLADE_EIO. */
clade_status clade__tuned_keep(clade_device *device, const char *lines);

#endif
