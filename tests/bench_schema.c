#include "bench_schema.h"

#include <stdio.h>
#include <string.h>

static bool fail(const char *path, const char *what)
{
    fprintf(stderr, "%s: %s\n", path, what);
    return false;
}

static bool is_of(const char *type, const cJSON *value)
{
    return (strcmp(type, "object") == 0 && cJSON_IsObject(value)) ||
           (strcmp(type, "array") == 0 && cJSON_IsArray(value)) ||
           (strcmp(type, "string") == 0 && cJSON_IsString(value)) ||
           (strcmp(type, "number") == 0 && cJSON_IsNumber(value)) ||
           (strcmp(type, "boolean") == 0 && cJSON_IsBool(value)) ||
           (strcmp(type, "null") == 0 && cJSON_IsNull(value));
}

static bool type_holds(const cJSON *type, const cJSON *value)
{
    const cJSON *one;
    if (!type) return true;
    if (cJSON_IsString(type)) return is_of(type->valuestring, value);
    cJSON_ArrayForEach(one, type) if (is_of(one->valuestring, value)) return true;
    return false;
}

static bool values_hold(const cJSON *schema, const cJSON *value, const char *path)
{
    const cJSON *constant = cJSON_GetObjectItem(schema, "const"), *list = cJSON_GetObjectItem(schema, "enum");
    const cJSON *minimum = cJSON_GetObjectItem(schema, "minimum"), *one;
    if (constant && !cJSON_Compare(constant, value, true)) return fail(path, "is not the constant");
    if (minimum && cJSON_IsNumber(value) && value->valuedouble < minimum->valuedouble)
        return fail(path, "is below its minimum");
    if (!list) return true;
    cJSON_ArrayForEach(one, list) if (cJSON_Compare(one, value, true)) return true;
    return fail(path, "is none of the values that it may have");
}

static bool items_hold(const cJSON *schema, const cJSON *value, const char *path)
{
    const cJSON *items = cJSON_GetObjectItem(schema, "items"), *item;
    const cJSON *least = cJSON_GetObjectItem(schema, "minItems"), *most = cJSON_GetObjectItem(schema, "maxItems");
    int n = cJSON_GetArraySize(value), i = 0;
    if ((least && n < least->valueint) || (most && n > most->valueint)) return fail(path, "has not as many items");
    cJSON_ArrayForEach(item, value)
    {
        char inside[512];
        snprintf(inside, sizeof inside, "%s[%d]", path, i++);
        if (items && !bench_schema_holds(items, item, inside)) return false;
    }
    return true;
}

static bool members_hold(const cJSON *schema, const cJSON *value, const char *path)
{
    const cJSON *properties = cJSON_GetObjectItem(schema, "properties"), *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(schema, "required"))
        if (!cJSON_GetObjectItemCaseSensitive(value, item->valuestring)) return fail(path, item->valuestring);
    cJSON_ArrayForEach(item, value)
    {
        char inside[512];
        const cJSON *own = cJSON_GetObjectItemCaseSensitive(properties, item->string);
        snprintf(inside, sizeof inside, "%s.%s", path, item->string);
        if (!own) return fail(inside, "is not in the schema");
        if (!bench_schema_holds(own, item, inside)) return false;
    }
    return true;
}

bool bench_schema_holds(const cJSON *schema, const cJSON *value, const char *path)
{
    if (!type_holds(cJSON_GetObjectItem(schema, "type"), value)) return fail(path, "is of another type");
    if (!values_hold(schema, value, path)) return false;
    if (cJSON_IsArray(value)) return items_hold(schema, value, path);
    return !cJSON_IsObject(value) || members_hold(schema, value, path);
}
