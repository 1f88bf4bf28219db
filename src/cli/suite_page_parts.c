/* What the suite's pages are made of: the style, escaped text, tables. */
#include <stdarg.h>
#include <string.h>

#include "cli/suite_page.h"

/* Both colour schemes keep text at a contrast of 4.5 or more, and no meaning hangs on a colour alone. Only
 * tables scroll sideways, in boxes of their own. */
static const char style[] =
    ":root{color-scheme:light dark;--back:#fff;--text:#1b1f23;--soft:#555d66;--line:#d0d7de;--band:#f3f5f7;"
    "--accent:#0b5fa5;--good:#1a6b2d;--warn:#805300;--bad:#b3001b}"
    "@media(prefers-color-scheme:dark){:root{--back:#14181c;--text:#e6e9ec;--soft:#a9b3bd;--line:#3a434c;"
    "--band:#1e242a;--accent:#7ab8f0;--good:#80d492;--warn:#efc15f;--bad:#ff8d84}}"
    "*{box-sizing:border-box}"
    "body{margin:0 auto;max-width:64rem;padding:1rem;background:var(--back);color:var(--text);"
    "font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}"
    "h1{font-size:1.5rem;line-height:1.25}h2{font-size:1.2rem;margin-top:2rem}p{max-width:44rem}"
    "a{color:var(--accent)}:focus-visible{outline:3px solid var(--accent);outline-offset:2px}"
    ".skip{position:absolute;left:-99rem}.skip:focus{left:1rem;background:var(--back);padding:.5rem}"
    "nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1rem;padding:0;list-style:none}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem}dt{color:var(--soft)}dd{margin:0}"
    "@media(max-width:30rem){dl{grid-template-columns:1fr}dd{margin-bottom:.4rem}}"
    ".box{overflow-x:auto;border:1px solid var(--line);border-radius:.4rem;margin:.5rem 0}"
    "table{border-collapse:collapse;width:100%;font-size:.9rem;font-variant-numeric:tabular-nums;"
    "overflow-wrap:normal}"
    "caption{text-align:left;padding:.4rem .6rem;color:var(--soft)}"
    "th,td{padding:.3rem .6rem;text-align:right;border-top:1px solid var(--line);white-space:nowrap}"
    "th[scope=row],td.why,th.last{text-align:left}td.why{white-space:normal;min-width:12rem}"
    "th:first-child{text-align:left}thead th{background:var(--band)}"
    ".ok,.faster{color:var(--good)}.unstable{color:var(--warn)}.wrong,.slower{color:var(--bad);font-weight:600}"
    ".bar{min-width:8rem}.bar span{display:block;height:.8rem;min-width:1px;background:var(--accent)}"
    "svg{width:100%;max-width:44rem;height:auto;background:var(--band);border-radius:.4rem}"
    "svg text{fill:var(--text);font:10px system-ui,sans-serif}svg .grid{stroke:var(--line);fill:none}"
    "svg .roof{stroke:var(--text);stroke-width:1.5;fill:none}"
    "svg .gemm{fill:var(--accent)}svg .op{fill:var(--warn)}svg .train{fill:var(--bad)}"
    "@media(max-width:30rem){th,td{padding:.3rem .4rem}"
    "th[scope=row]{white-space:normal;min-width:6.5rem;overflow-wrap:anywhere}.bar{min-width:4rem}}"
    "@media print{.box{overflow:visible}}";

void cli_page_text(clade__text *page, const char *text)
{
    static const char special[] = "&<>\"'";
    static const char *const names[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    while (*text) {
        size_t plain = strcspn(text, special);
        if (plain > 0) clade__text_append(page, "%.*s", (int)plain, text);
        text += plain;
        if (!*text) break;
        clade__text_append(page, "%s", names[strchr(special, *text) - special]);
        text++;
    }
}

void cli_page_begin(clade__text *page, const char *title)
{
    clade__text_append(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                             "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>");
    cli_page_text(page, title);
    clade__text_append(page, "</title>\n<style>%s</style>\n</head>\n<body>\n"
                             "<a class=\"skip\" href=\"#figures\">Skip to the figures</a>\n<main>\n<h1>", style);
    cli_page_text(page, title);
    clade__text_append(page, "</h1>\n");
}

void cli_page_end(clade__text *page)
{
    clade__text_append(page, "</main>\n</body>\n</html>\n");
}

void cli_page_table_begin(clade__text *page, const char *caption, const char *const *heads, int n_heads, bool words)
{
    clade__text_append(page, "<div class=\"box\" role=\"region\" tabindex=\"0\" aria-label=\"");
    cli_page_text(page, caption);
    clade__text_append(page, "\">\n<table>\n<caption>");
    cli_page_text(page, caption);
    clade__text_append(page, "</caption>\n<thead><tr>");
    for (int i = 0; i < n_heads; i++) {
        clade__text_append(page, words && i == n_heads - 1 ? "<th scope=\"col\" class=\"last\">" : "<th scope=\"col\">");
        cli_page_text(page, heads[i]);
        clade__text_append(page, "</th>");
    }
    clade__text_append(page, "</tr></thead>\n<tbody>\n");
}

void cli_page_table_end(clade__text *page)
{
    clade__text_append(page, "</tbody>\n</table>\n</div>\n");
}

void cli_page_row_head(clade__text *page, const char *text)
{
    clade__text_append(page, "<tr><th scope=\"row\">");
    cli_page_text(page, text);
    clade__text_append(page, "</th>");
}

void cli_page_cell(clade__text *page, const char *css, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    clade__vformat(text, sizeof text, format, args);
    va_end(args);
    if (css[0])
        clade__text_append(page, "<td class=\"%s\">", css);
    else
        clade__text_append(page, "<td>");
    cli_page_text(page, text);
    clade__text_append(page, "</td>");
}
