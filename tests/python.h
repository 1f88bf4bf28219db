/* Runs the interpreter that CLADE_TEST_PYTHON names, else python3. */
#ifndef CLADE_TESTS_PYTHON_H
#define CLADE_TESTS_PYTHON_H

#include <stdbool.h>

const char *python_name(void);

/* Its exit status, -1 where there is none; args end in NULL. */
int python_run(const char *const *args);

/* Whether it can import these, "numpy, sklearn". */
bool python_has(const char *packages);

#endif
