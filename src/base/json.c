/* Reference: RFC 8259. */
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether a character may stand as it is, in JSON and in YAML, which has more that are special:
 * control characters, ends of lines, the byte order mark and what is no character. */
static bool is_plain(uint32_t c)
{
    if (c < 0x20 || c == '"' || c == '\\') return false;
    return !(c >= 0x7f && c < 0xa0) && c != 0x2028 && c != 0x2029 && c != 0xfeff && c != 0xfffe &&
           c != 0xffff;
}

void clade__json_quote(clade__text *text, const char *value)
{
    clade__text_append(text, "\"");
    while (*value) {
        uint32_t c = 0;
        int plain = 0, n;
        while ((n = clade__utf8_read(value + plain, &c)) > 0 && is_plain(c)) plain += n;
        if (plain > 0) clade__text_append(text, "%.*s", plain, value);
        value += plain;
        if (!*value) break;
        if (c == '"' || c == '\\')
            clade__text_append(text, "\\%c", (int)c);
        else
            clade__text_append(text, "\\u%04x", n > 0 ? (unsigned)c : 0xfffdu);
        value += n > 0 ? n : 1;
    }
    clade__text_append(text, "\"");
}

/* What stands before a value. */
static void begin(clade__json *json, const char *key)
{
    if (json->comma) clade__text_append(&json->text, ",");
    json->comma = true;
    if (!key) return;
    clade__json_quote(&json->text, key);
    clade__text_append(&json->text, ":");
}

void clade__json_string(clade__json *json, const char *key, const char *value)
{
    begin(json, key);
    if (value)
        clade__json_quote(&json->text, value);
    else
        clade__text_append(&json->text, "null");
}

/* Digits as snprintf gave them, whose point the locale has chosen. */
static void append_digits(clade__text *text, const char *digits)
{
    size_t whole = strspn(digits, "-0123456789e+");
    const char *rest = digits + whole;
    size_t point = strcspn(rest, "0123456789");
    clade__text_append(text, "%.*s%s%s", (int)whole, digits, *rest ? "." : "", rest + point);
}

/* The least digits that read back as the same number. */
void clade__json_number(clade__json *json, const char *key, double value)
{
    char digits[48] = "0";
    begin(json, key);
    for (int n = 15; isfinite(value) && n <= 17; n++) {
        snprintf(digits, sizeof digits, "%.*g", n, value);
        if (strtod(digits, NULL) == value) break;
    }
    if (isfinite(value))
        append_digits(&json->text, digits);
    else
        clade__text_append(&json->text, "null");
}

void clade__json_bool(clade__json *json, const char *key, bool value)
{
    begin(json, key);
    clade__text_append(&json->text, value ? "true" : "false");
}

void clade__json_null(clade__json *json, const char *key)
{
    clade__json_string(json, key, NULL);
}

static void begin_part(clade__json *json, const char *key, const char *bracket)
{
    begin(json, key);
    clade__text_append(&json->text, "%s", bracket);
    json->comma = false;
}

static void end_part(clade__json *json, const char *bracket)
{
    clade__text_append(&json->text, "%s", bracket);
    json->comma = true;
}

void clade__json_object(clade__json *json, const char *key)
{
    begin_part(json, key, "{");
}

void clade__json_object_end(clade__json *json)
{
    end_part(json, "}");
}

void clade__json_list(clade__json *json, const char *key)
{
    begin_part(json, key, "[");
}

void clade__json_list_end(clade__json *json)
{
    end_part(json, "]");
}

char *clade__json_finish(clade__json *json)
{
    if (json->text.failed) clade__text_free(&json->text);
    char *text = json->text.data;
    *json = (clade__json){0};
    return text;
}
