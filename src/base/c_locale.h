/* The "C" locale for a stretch of code, in the calling thread alone: numbers are written and read with a
 * point then, whatever locale the program has chosen. The program and its other threads notice nothing.
 *
 * printf's numbers go through clade__format and clade__text_append (text.h), and a text's numbers through
 * number.h; who calls a library that reads or writes numbers puts it between these two.
 */
#ifndef CLADE_BASE_C_LOCALE_H
#define CLADE_BASE_C_LOCALE_H

/* What to give to clade__c_locale_end, in the same thread. */
void *clade__c_locale_begin(void);
void clade__c_locale_end(void *before);

#endif
