/* What pictures share: how they look, and texts and entries of a legend where we want them.
 *
 * gnuplot would place titles and axis labels by a guess at the font's size, which differs between
 * SVG and PNG. Texts are in single quotes, where gnuplot interprets nothing. */
#include <stdint.h>

#include "cli/plot.h"

enum {
    CHARACTER = 7, /* a mean width in a wide font */
    TEXT_MOST = 80 /* characters */
};

/* Okabe and Ito, "Color universal design", 2008. Without their yellow, too pale on white. */
const char *const cli_colours[CLI_N_COLOURS] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                                "#E69F00", "#56B4E9", "#000000"};

void cli_plot_begin(const cli_canvas *to, bool png)
{
    if (png)
        clade__text_append(to->script,
                           "set terminal pngcairo size %d,%d font 'sans-serif,10' fontscale 2 "
                           "linewidth 2 pointscale 2",
                           2 * to->width, 2 * to->height);
    else
        clade__text_append(to->script, "set terminal svg size %d,%d fixed font 'sans-serif,13'",
                           to->width, to->height);
    clade__text_append(to->script,
                       " noenhanced background '#ffffff'\n"
                       "set encoding utf8\n"
                       "set border 3 lc rgb '#606060'\nset tics nomirror textcolor rgb '#000000'\n"
                       "set grid lt 1 lc rgb '#dcdcdc' lw 0.8\n");
}

/* The bytes of the character at `text` in UTF-8, 0 when it is none or none that XML may have. */
static int character_bytes(const char *text)
{
    uint32_t c;
    int n = clade__utf8_read(text, &c);
    bool barred = n == 0 || c < 0x20 || (c >= 0x7f && c < 0xa0) || (c & 0xfffe) == 0xfffe;
    return barred ? 0 : n;
}

/* Appends a text in single quotes, which are doubled inside, and without what is no text. */
static void append_quoted(clade__text *script, const char *text)
{
    clade__text_append(script, "'");
    for (int i = 0; *text; i++) {
        if (i == TEXT_MOST) {
            clade__text_append(script, "…");
            break;
        }
        int n = character_bytes(text);
        if (n == 0)
            clade__text_append(script, "?");
        else if (*text == '\'')
            clade__text_append(script, "''");
        else
            clade__text_append(script, "%.*s", n, text);
        text += n ? n : 1;
    }
    clade__text_append(script, "'");
}

int cli_plot_width(const char *text)
{
    int width = 0;
    for (int i = 0; *text && i <= TEXT_MOST; i++) {
        int n = character_bytes(text);
        width += n >= 3 ? 2 * CHARACTER : CHARACTER;
        text += n ? n : 1;
    }
    return width;
}

void cli_plot_label(const cli_canvas *to, const char *text, double x, double y, const char *more)
{
    clade__text_append(to->script, "set label ");
    append_quoted(to->script, text);
    clade__text_append(to->script, " at screen %.6f,%.6f %s\n", x / to->width, y / to->height, more);
}

void cli_plot_entry(const cli_canvas *to, int x, int y, const char *text,
                    const cli_plot_style *style)
{
    double at = (double)y / to->height;
    char point[64];
    clade__text_append(
        to->script, "set arrow from screen %.6f,%.6f to screen %.6f,%.6f nohead %s lc rgb '%s'\n",
        (double)x / to->width, at, (double)(x + CLI_PLOT_LINE) / to->width, at, style->dash,
        style->colour);
    snprintf(point, sizeof point, "point pt %d ps 0.6 lc rgb '%s'", style->marker, style->colour);
    cli_plot_label(to, "", x + CLI_PLOT_LINE / 2.0, y, point);
    cli_plot_label(to, text, x + CLI_PLOT_LINE + 6, y, "left");
}
