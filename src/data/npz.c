#include "data/npz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define SUFFIX ".npy"

typedef enum role { NEITHER, SAMPLES, ANSWERS } role;
typedef enum part { WHOLE, TRAIN, VALID, TEST } part;
static const char *const part_names[] = {
    [WHOLE] = NULL, [TRAIN] = "train", [VALID] = "valid", [TEST] = "test"};

/* The length of an array's name, which its member has with .npy behind it; 0 for other members. */
static int array_name(const clade__zip_member *member)
{
    int n = member->name_length - (int)strlen(SUFFIX);
    return n > 0 && memcmp(member->name + n, SUFFIX, strlen(SUFFIX)) == 0 ? n : 0;
}

clade_status clade__npz_open(clade__npz *npz, const char *path, unsigned char *bytes,
                             size_t n_bytes)
{
    *npz = (clade__npz){.path = path, .bytes = bytes};
    CLADE_TRY(clade__zip_open(&npz->zip, path, bytes, n_bytes));
    for (size_t i = 0; i < npz->zip.n_members; i++)
        npz->n_arrays += array_name(&npz->zip.members[i]) > 0;
    return CLADE_OK;
}

void clade__npz_close(clade__npz *npz)
{
    clade__zip_close(&npz->zip);
    free(npz->bytes);
    *npz = (clade__npz){0};
}

/* ---- names ----------------------------------------------------------------------------------- */

static bool is_called(const clade__zip_member *member, const char *name, size_t length)
{
    int n = array_name(member);
    return n > 0 && (size_t)n == length && memcmp(member->name, name, length) == 0;
}

/* "x, y and 3 more", as much as fits. */
static const char *list_arrays(const clade__npz *npz, char *out, size_t room)
{
    const clade__zip *zip = &npz->zip;
    size_t n_left = npz->n_arrays, n = 0;
    if (n_left == 0) return "no arrays";
    for (size_t i = 0; i < zip->n_members; i++) {
        int length = array_name(&zip->members[i]);
        if (length == 0) continue;
        if (n + (size_t)length + 32 > room) break;
        n += (size_t)snprintf(out + n, room - n, "%s%.*s", n ? ", " : "", length,
                              zip->members[i].name);
        n_left--;
    }
    if (n_left > 0) snprintf(out + n, room - n, "%s%zu more", n ? " and " : "", n_left);
    return out;
}

static clade_status fail_choice(const clade__npz *npz, const char *what)
{
    char names[512];
    return clade__fail(CLADE_EDATA,
                       "'%s' holds %s: %s; name the samples by ?x=NAME and the labels or targets by "
                       "&y=NAME (or y=none)",
                       npz->path, list_arrays(npz, names, sizeof names), what);
}

/* Takes `word` from the front or the end of the name of length n, with what separates it. */
static bool take_word(char *name, const char *word)
{
    size_t n = strlen(name), length = strlen(word);
    if (length >= n) return false;
    if (strcmp(name + n - length, word) == 0) {
        n -= length;
        if (n > 1 && strchr("_-.", name[n - 1])) n--;
        name[n] = '\0';
        return true;
    }
    if (strncmp(name, word, length) != 0) return false;
    if (strchr("_-.", name[length])) length++;
    memmove(name, name + length, n - length + 1);
    return true;
}

/* What an array of such a name is by custom: x_train, train_images, Y, arr_0, … */
static role usual_role(const clade__npz *npz, const clade__zip_member *member, part *of)
{
    static const struct {
        const char *word;
        part part;
    } parts[] = {{"train", TRAIN}, {"test", TEST}, {"validation", VALID}, {"valid", VALID},
                 {"val", VALID}};
    static const struct {
        const char *name;
        role role;
    } roles[] = {{"x", SAMPLES},      {"data", SAMPLES},   {"features", SAMPLES},
                 {"images", SAMPLES}, {"imgs", SAMPLES},   {"samples", SAMPLES},
                 {"inputs", SAMPLES}, {"arr_0", SAMPLES},  {"y", ANSWERS},
                 {"label", ANSWERS},  {"labels", ANSWERS}, {"target", ANSWERS},
                 {"targets", ANSWERS}, {"arr_1", ANSWERS}};
    char name[32];
    int n = array_name(member);
    *of = WHOLE;
    if (n == 0 || n >= (int)sizeof name) return NEITHER;
    for (int i = 0; i < n; i++) {
        char c = member->name[i];
        name[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    name[n] = '\0';
    for (size_t i = 0; i < sizeof parts / sizeof *parts && *of == WHOLE; i++)
        if (take_word(name, parts[i].word)) *of = parts[i].part;
    if (strncmp(name, "arr_", 4) == 0 && npz->n_arrays > 2) return NEITHER;
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (strcmp(name, roles[i].name) == 0) return roles[i].role;
    return NEITHER;
}

/* The array of that role and part, NULL where there is none; two are an error. */
static clade_status find_usual(const clade__npz *npz, role wanted, part of,
                               const clade__zip_member **member)
{
    *member = NULL;
    for (size_t i = 0; i < npz->zip.n_members; i++) {
        part its_part;
        const clade__zip_member *at = &npz->zip.members[i];
        if (usual_role(npz, at, &its_part) != wanted || its_part != of) continue;
        if (*member)
            return fail_choice(npz, wanted == SAMPLES ? "several could be the samples"
                                                      : "several could be the labels");
        *member = at;
    }
    return CLADE_OK;
}

clade_status clade__npz_find(const clade__npz *npz, const char *name, size_t length,
                             const clade__zip_member **member)
{
    char names[512];
    *member = NULL;
    for (size_t i = 0; i < npz->zip.n_members; i++) {
        if (!is_called(&npz->zip.members[i], name, length)) continue;
        if (*member)
            return clade__fail(CLADE_EDATA, "'%s' holds two arrays '%.*s'", npz->path, (int)length,
                               name);
        *member = &npz->zip.members[i];
    }
    if (*member) return CLADE_OK;
    return clade__fail(CLADE_EDATA, "'%s' has no array '%.*s'; it holds %s", npz->path, (int)length,
                       name, list_arrays(npz, names, sizeof names));
}

/* ---- the choice ------------------------------------------------------------------------------ */

/* What is wanted of an archive. */
typedef struct wanted {
    const clade__npz *npz;
    const char *x, *y; /* the options: NAME, or TRAIN,TEST; NULL: by the usual names */
    bool own_parts;
    part of;           /* WHOLE, or a part that the archive has */
} wanted;

/* The array of a role in a part; NULL where there is none by the usual names. */
static clade_status find(const wanted *w, role its_role, part of, const clade__zip_member **member)
{
    const char *name = its_role == SAMPLES ? "x" : "y", *option = its_role == SAMPLES ? w->x : w->y;
    if (!option) return find_usual(w->npz, its_role, of, member);
    const char *comma = strchr(option, ',');
    *member = NULL;
    if (!comma != !w->own_parts)
        return clade__fail(CLADE_EINVAL, "npy: %s=%s names %s; write %s=%s", name, option,
                           comma ? "two arrays, and the samples have no two parts"
                                 : "one array, and the samples have two parts",
                           name, comma ? "NAME" : "TRAIN,TEST");
    if (!comma) return clade__npz_find(w->npz, option, strlen(option), member);
    if (of == TRAIN) return clade__npz_find(w->npz, option, (size_t)(comma - option), member);
    return of == TEST ? clade__npz_find(w->npz, comma + 1, strlen(comma + 1), member) : CLADE_OK;
}

/* An archive has parts of its own where it has samples of both; where it has those of one alone they
 * are all of it. */
static clade_status choose_part(wanted *w, part asked)
{
    const clade__zip_member *there[TEST + 1] = {NULL};
    w->own_parts = w->x && strchr(w->x, ',');
    w->of = !w->own_parts ? WHOLE : asked == TRAIN ? TRAIN : TEST;
    if (w->x) return CLADE_OK;
    for (int i = WHOLE; i <= TEST; i++)
        CLADE_TRY(find_usual(w->npz, SAMPLES, (part)i, &there[i]));
    w->own_parts = there[TRAIN] && there[TEST];
    if (w->own_parts)
        w->of = asked == VALID && !there[VALID] ? TEST : asked;
    else
        while (w->of < TEST && !there[w->of]) w->of++;
    return there[w->of] ? CLADE_OK : fail_choice(w->npz, "which are the samples?");
}

/* Without labels, no array may be left that could have them. */
static clade_status check_no_answers(const wanted *w, const clade__zip_member *samples)
{
    for (size_t i = 0; i < w->npz->zip.n_members; i++) {
        part of;
        const clade__zip_member *at = &w->npz->zip.members[i];
        role its_role = usual_role(w->npz, at, &of);
        if (at == samples || array_name(at) == 0) continue;
        if (its_role == NEITHER || (its_role == ANSWERS && !w->own_parts))
            return fail_choice(w->npz, "which are the labels or targets?");
    }
    return CLADE_OK;
}

clade_status clade__npz_choose(const clade__npz *npz, const clade__data_spec *spec,
                               clade__npz_choice *choice)
{
    wanted w = {.npz = npz, .x = clade__data_option(spec, "x"), .y = clade__data_option(spec, "y")};
    const clade__zip_member *found;
    part asked = spec->part == CLADE__TRAIN ? TRAIN : spec->part == CLADE__VALID ? VALID : TEST;
    *choice = (clade__npz_choice){0};
    CLADE_TRY(choose_part(&w, asked));
    CLADE_TRY(find(&w, SAMPLES, w.of, &choice->samples));
    if (w.own_parts) choice->part = part_names[w.of];
    if (w.y && strcmp(w.y, "none") == 0) return CLADE_OK;
    CLADE_TRY(find(&w, ANSWERS, w.of, &found));
    if (!found) return check_no_answers(&w, choice->samples);
    choice->answers[choice->n_answers++] = found;
    for (int other = TRAIN; other <= TEST && w.own_parts; other++) {
        if (other == (int)w.of) continue;
        CLADE_TRY(find(&w, ANSWERS, (part)other, &found));
        if (found) choice->answers[choice->n_answers++] = found;
    }
    return CLADE_OK;
}

clade_status clade__npz_only(const clade__npz *npz, const clade__data_spec *spec,
                             const char *option, const clade__zip_member **member)
{
    const char *name = clade__data_option(spec, option);
    if (name) return clade__npz_find(npz, name, strlen(name), member);
    char names[512];
    if (npz->n_arrays != 1)
        return clade__fail(CLADE_EDATA, "'%s' holds %s, want one array; name it by ?%s=NAME",
                           npz->path, list_arrays(npz, names, sizeof names), option);
    *member = npz->zip.members;
    while (array_name(*member) == 0) (*member)++;
    return CLADE_OK;
}

clade_status clade__npz_read(const clade__npz *npz, const clade__zip_member *member,
                             clade__npy *array, clade__npy_use use)
{
    clade__text path = {0};
    clade__text_append(&path, "%s:%.*s", npz->path, array_name(member), member->name);
    array->path = path.data;
    if (path.failed) return clade__fail(CLADE_ENOMEM, "npy: no memory");
    CLADE_TRY(clade__zip_read(&npz->zip, member, &array->bytes, &array->n_bytes));
    return clade__npy_parse(array, use);
}
