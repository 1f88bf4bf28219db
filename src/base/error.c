#define _POSIX_C_SOURCE 200809L
#include "base/error.h"

#include <stdarg.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "base/c_locale.h"
#include "base/text.h"

#define MESSAGE_BYTES 2048

static _Thread_local char message[MESSAGE_BYTES];

static void keep_one_line(void)
{
    for (char *c = message; *c; c++)
        if (*c == '\n' || *c == '\r') *c = ' ';
    size_t n = strlen(message);
    while (n > 0 && message[n - 1] == ' ') message[--n] = '\0';
}

clade_status clade__fail(clade_status status, const char *format, ...)
{
    char text[MESSAGE_BYTES]; /* the arguments may point into the old message */
    va_list args;
    va_start(args, format);
    clade__vformat(text, sizeof text, format, args);
    va_end(args);
    memcpy(message, text, sizeof message);
    keep_one_line();
    return status;
}

clade_status clade__fail_in(clade_status status, const char *format, ...)
{
    char text[MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    int n = clade__vformat(text, sizeof text, format, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof text)
        snprintf(text + n, sizeof text - (size_t)n, ": %s", message);
    memcpy(message, text, sizeof message);
    keep_one_line();
    return status;
}

clade_status clade__fail_again(clade_status status, const char *text)
{
    return clade__fail(status, "%s", text);
}

const char *clade_error(void)
{
    return message;
}

clade_status clade__check_reserved(const char *where, const char *name, const uint64_t *words,
                                   size_t n_words)
{
    for (size_t i = 0; i < n_words; i++)
        if (words[i] != 0)
            return clade__fail(CLADE_EINVAL, "%s: %s[%zu] is not 0: the struct was not zeroed before it "
                               "was filled, or the program was built against a newer header than this "
                               "library's, %s", where, name, i, clade_version());
    return CLADE_OK;
}

/* strerror may share one buffer among threads. */
const char *clade__errno_text(int number)
{
    static _Thread_local char text[256];
#ifdef __APPLE__
    if (strerror_r(number, text, sizeof text) != 0) clade__format(text, sizeof text, "error %d", number);
#else
    void *before = clade__c_locale_begin();
    locale_t now = uselocale((locale_t)0);
    clade__format(text, sizeof text, "%s", strerror_l(number, now));
    clade__c_locale_end(before);
#endif
    return text;
}

static const struct {
    const char *name, *meaning;
} statuses[] = {
#define ROW(name, meaning) {"CLADE_" #name, meaning},
    CLADE_STATUS_TABLE(ROW)
#undef ROW
};

#define N_STATUSES (sizeof statuses / sizeof statuses[0])

const char *clade_status_name(clade_status status)
{
    return (size_t)status < N_STATUSES ? statuses[status].name : "unknown status";
}

const char *clade_status_meaning(clade_status status)
{
    return (size_t)status < N_STATUSES ? statuses[status].meaning : "unknown status";
}

const char *clade_version(void)
{
    return CLADE_VERSION;
}
