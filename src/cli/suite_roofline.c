/* The roofline (Williams, Waterman, Patterson 2009) as SVG: FLOP/s over FLOPs for a byte, both by logarithms.
 * The roof is what this device was measured to do at its best. */
#include <math.h>
#include <string.h>

#include "cli/suite_page.h"

/* The picture, in its own units, which a screen of 390 points shows at almost their size. */
enum { WIDTH = 380, HEIGHT = 300, LEFT = 44, RIGHT = 360, TOP = 24, BOTTOM = 262 };

typedef struct axes {
    double x_least, x_most, y_least, y_most; /* powers of ten, as their exponents */
} axes;

typedef struct point {
    double intensity, flops_per_second;
} point;

/* What no device is near would only stretch the axes. */
static bool is_drawn(const point *p)
{
    return p->intensity > 1e-6 && p->intensity < 1e9 && p->flops_per_second > 1e3 && p->flops_per_second < 1e21;
}

static bool point_of(const cli_suite_row *row, point *out)
{
    double seconds = 0.0;
    if (cli_suite_is_wrong(row) || !(row->flops > 0.0 && row->bytes > 0.0 && row->value > 0.0)) return false;
    if (strcmp(row->unit, "s") == 0)
        seconds = row->value;
    else if (strcmp(row->unit, "samples/s") == 0)
        seconds = (double)row->batch / row->value;
    else
        seconds = row->flops / row->value;
    *out = (point){row->flops / row->bytes, row->flops / seconds};
    return is_drawn(out);
}

static axes axes_of(const cli_suite_device *device)
{
    double ridge = device->flops_per_second / device->bytes_per_second;
    axes a = {log10(ridge), log10(ridge), log10(device->flops_per_second), log10(device->flops_per_second)};
    for (int i = 0; i < device->n_rows; i++) {
        point p;
        if (!point_of(&device->rows[i], &p)) continue;
        a.x_least = fmin(a.x_least, log10(p.intensity));
        a.x_most = fmax(a.x_most, log10(p.intensity));
        a.y_least = fmin(a.y_least, log10(p.flops_per_second));
        a.y_most = fmax(a.y_most, log10(p.flops_per_second));
    }
    return (axes){floor(a.x_least), ceil(a.x_most + 0.1), floor(a.y_least), ceil(a.y_most + 0.05)};
}

static double at_x(const axes *a, double intensity)
{
    return LEFT + (RIGHT - LEFT) * (log10(intensity) - a->x_least) / (a->x_most - a->x_least);
}

static double at_y(const axes *a, double flops_per_second)
{
    return BOTTOM - (BOTTOM - TOP) * (log10(flops_per_second) - a->y_least) / (a->y_most - a->y_least);
}

static void add_grid(clade__text *page, const axes *a)
{
    for (double e = a->x_least; e <= a->x_most; e++) {
        double x = at_x(a, pow(10.0, e));
        clade__text_append(page, "<path class=\"grid\" d=\"M%.1f %d V%d\"/>"
                           "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g</text>\n",
                           x, TOP, BOTTOM, x, BOTTOM + 14, pow(10.0, e));
    }
    for (double e = a->y_least; e <= a->y_most; e++) {
        double y = at_y(a, pow(10.0, e));
        clade__text_append(page, "<path class=\"grid\" d=\"M%d %.1f H%d\"/>"
                           "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n",
                           LEFT, y, RIGHT, LEFT - 4, y + 3.5, pow(10.0, e - 9.0));
    }
    clade__text_append(page, "<text x=\"%d\" y=\"14\">GFLOP/s</text>"
                       "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">FLOPs for each byte</text>\n",
                       4, RIGHT, HEIGHT - 8);
}

static void add_roof(clade__text *page, const axes *a, const cli_suite_device *device)
{
    double ridge = device->flops_per_second / device->bytes_per_second;
    double least = fmax(pow(10.0, a->x_least), pow(10.0, a->y_least) / device->bytes_per_second);
    clade__text_append(page, "<path class=\"roof\" d=\"M%.1f %.1f L%.1f %.1f H%d\"/>\n", at_x(a, least),
                       at_y(a, least * device->bytes_per_second), at_x(a, ridge),
                       at_y(a, device->flops_per_second), RIGHT);
}

/* Kinds differ in shape, too. */
static void add_mark(clade__text *page, const char *kind, double x, double y)
{
    if (strcmp(kind, "gemm") == 0)
        clade__text_append(page, "<rect class=\"gemm\" x=\"%.1f\" y=\"%.1f\" width=\"6\" height=\"6\">", x - 3.0,
                           y - 3.0);
    else if (strcmp(kind, "op") == 0)
        clade__text_append(page, "<circle class=\"op\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\">", x, y);
    else
        clade__text_append(page, "<path class=\"train\" d=\"M%.1f %.1f l4 7 h-8 z\">", x, y - 4.0);
}

static const char *end_of_mark(const char *kind)
{
    return strcmp(kind, "gemm") == 0 ? "</rect>" : strcmp(kind, "op") == 0 ? "</circle>" : "</path>";
}

static void add_points(clade__text *page, const axes *a, const cli_suite_device *device)
{
    for (int i = 0; i < device->n_rows; i++) {
        const cli_suite_row *row = &device->rows[i];
        char text[64];
        point p;
        if (!point_of(row, &p)) continue;
        add_mark(page, row->kind, at_x(a, p.intensity), at_y(a, p.flops_per_second));
        clade__text_append(page, "<title>");
        cli_page_text(page, row->name);
        clade__text_append(page, ": %s</title>%s\n", cli_suite_value_text(text, sizeof text, row),
                           end_of_mark(row->kind));
    }
}

void cli_page_roofline(clade__text *page, const cli_suite_device *device, int number)
{
    const point ridge = {device->flops_per_second / device->bytes_per_second, device->flops_per_second};
    if (!is_drawn(&ridge)) return;
    const axes a = axes_of(device);
    clade__text_append(page,
                       "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"roof-title-%d roof-desc-%d\">\n"
                       "<title id=\"roof-title-%d\">Roofline</title>\n<desc id=\"roof-desc-%d\">Arithmetic for each "
                       "second over arithmetic for each byte, by logarithms. The roof rises with %.1f GB/s and is flat "
                       "at %.1f GFLOP/s. Its points are the rows of the tables below.</desc>\n",
                       WIDTH, HEIGHT, number, number, number, number, device->bytes_per_second / 1e9,
                       device->flops_per_second / 1e9);
    add_grid(page, &a);
    add_roof(page, &a, device);
    add_points(page, &a, device);
    for (int i = 0; i < 3; i++) {
        static const char *const kinds[] = {"gemm", "op", "train"};
        static const char *const names[] = {"products", "operations", "steps"};
        add_mark(page, kinds[i], 100.0 + 90.0 * i, 12.0);
        clade__text_append(page, "%s<text x=\"%d\" y=\"15\">%s</text>\n", end_of_mark(kinds[i]), 108 + 90 * i,
                           names[i]);
    }
    clade__text_append(page, "</svg>\n<p>The line is what this device was measured to do at its best: %.1f GB/s of "
                       "memory, then %.1f GFLOP/s of float32 arithmetic. What is above it is served from "
                       "caches.</p>\n", device->bytes_per_second / 1e9, device->flops_per_second / 1e9);
}
