#define _POSIX_C_SOURCE 200809L
#include "base/c_locale.h"

#include <locale.h>
#include <pthread.h>
#ifdef __APPLE__
#include <xlocale.h>
#endif

static pthread_once_t once = PTHREAD_ONCE_INIT;
static locale_t c_locale; /* never freed: any thread may be using it */

static void make(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

void *clade__c_locale_begin(void)
{
    (void)pthread_once(&once, make);
    return c_locale ? (void *)uselocale(c_locale) : NULL;
}

void clade__c_locale_end(void *before)
{
    if (before) (void)uselocale((locale_t)before);
}
