#define _POSIX_C_SOURCE 200809L
#include "python.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

extern char **environ;

const char *python_name(void)
{
    const char *name = getenv("CLADE_TEST_PYTHON");
    return name && name[0] ? name : "python3";
}

int python_run(const char *const *args)
{
    const char *argv[20] = {python_name()};
    for (int i = 0; args[i] && i < 18; i++) argv[i + 1] = args[i];
    pid_t pid;
    int status;
    fflush(NULL);
    if (posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv, environ) != 0) return -1;
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return -1;
    return WEXITSTATUS(status);
}

bool python_has(const char *packages)
{
    char line[256];
    snprintf(line, sizeof line, "import sys\ntry: import %s\nexcept ImportError: sys.exit(3)", packages);
    return python_run((const char *const[]){"-c", line, NULL}) == 0;
}
