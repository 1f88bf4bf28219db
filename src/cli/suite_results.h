/* The results that ship with Clade, data/results/, in the command. */
#ifndef CLADE_CLI_SUITE_RESULTS_H
#define CLADE_CLI_SUITE_RESULTS_H

typedef struct cli_result {
    const char *name; /* of the file, without .json */
    const char *text; /* a document of the suite */
} cli_result;

/* Ends in a row of NULLs. The first is what pages are compared with. */
extern const cli_result cli_results[];

#endif
