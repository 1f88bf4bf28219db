/* Reference: RFC 8259. */
#include "base/json.h"

#include <math.h>
#include <string.h>

#include "base/c_locale.h"
#include "base/number.h"

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

/* The least digits that read back as the same number. */
void clade__json_number(clade__json *json, const char *key, double value)
{
    char digits[48] = "null";
    begin(json, key);
    for (int n = 15; isfinite(value) && n <= 17; n++) {
        double again;
        clade__format(digits, sizeof digits, "%.*g", n, value);
        if (clade__number_read(digits, &again) && again == value) break;
    }
    clade__text_append(&json->text, "%s", digits);
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

/* ---- reading --------------------------------------------------------------------------------- */

cJSON *clade__json_parse(const char *text, size_t n_bytes, bool whole)
{
    if (!text) return NULL;
    const char *end = NULL;
    void *before = clade__c_locale_begin();
    cJSON *root = cJSON_ParseWithLengthOpts(text, n_bytes, &end, false);
    clade__c_locale_end(before);
    if (root && whole) {
        while (end < text + n_bytes && *end && strchr(" \t\r\n", *end)) end++;
        if (end < text + n_bytes) {
            cJSON_Delete(root);
            root = NULL;
        }
    }
    return root;
}
