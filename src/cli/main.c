/* The clade command: finds the subcommand, runs it, and maps how it ended to an exit status. */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/common.h"
#include "cli/progress.h"

/* The subcommands, in the order of `clade --help`. Each is cli_command_NAME in cmd_NAME.c. */
#define CLI_COMMANDS(X)                                                                            \
    X(devices) X(train) X(eval) X(predict) X(info) X(verify) X(gradcheck) X(plot) X(bench) X(warm) X(tune)

#define DECLARE(name) extern const cli_command cli_command_##name;
CLI_COMMANDS(DECLARE)
#undef DECLARE

static const cli_command *const commands[] = {
#define ROW(name) &cli_command_##name,
    CLI_COMMANDS(ROW)
#undef ROW
};

#define N_COMMANDS (sizeof commands / sizeof commands[0])

static void print_help(void)
{
    cli_print_about("Usage: clade COMMAND [arguments] [options]\n"
         "\n"
         "Trains neural networks on any OpenCL device.\n"
         "\n"
         "Commands:\n");
    for (size_t i = 0; i < N_COMMANDS; i++) {
        char row[128];
        snprintf(row, sizeof row, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
        cli_print_about(row);
    }
    cli_print_about("\n"
         "A first try, on data that clade makes itself:\n"
         "  clade devices\n"
         "  clade train --model mlp:128 --data digits --epochs 3 --run first\n"
         "  clade eval first/model.safetensors --data digits\n"
         "\n"
         "`clade COMMAND --help` says more. Progress and errors go to stderr, results to\n"
         "stdout; with --json stdout is one JSON document.\n"
         "\n"
         "Exit status:\n"
         "  0    done\n"
         "  1    failed; the message says what, where, and what to try\n"
         "  2    bad usage or config\n"
         "  3    no suitable device\n"
         "  4    bad data or model file\n"
         "  5    another process of the job is gone, or differs\n"
         "  129  training stopped by a closed terminal (SIGHUP); all is saved\n"
         "  130  training stopped by Ctrl-C; all is saved\n"
         "  143  training stopped by SIGTERM; all is saved\n"
         "\n"
         "Environment:\n"
         "  CLADE_DEVICE         the device when --device is not given\n"
         "  CLADE_COMPUTE_UNITS  how much of it, when --compute-units is not given\n"
         "  CLADE_MEMORY         how much of its memory, such as 500M or 2G (default: all)\n"
         "  CLADE_GEMM           who multiplies matrices when --gemm is not given\n"
         "  CLADE_CACHE_DIR      where built programs, measured tilings and what `clade tune`\n"
         "                       has found are kept\n"
         "                       (default: $XDG_CACHE_HOME/clade, else ~/.cache/clade)\n"
         "  CLADE_PROGRAM_CACHE  on or off: whether programs are kept (default: on,\n"
         "                       unless the driver keeps them itself)\n"
         "  CLADE_KERNEL_DIR     a folder whose NAME.cl stands in for the library's kernel\n"
         "  CLADE_POSE           a device that is described in src/device/descriptions.c, such as\n"
         "                       rx580, for CPUs to pass for: for tests\n");
}

static clade_status unknown_command(const char *word)
{
    const char *words[N_COMMANDS + 2];
    char suggestion[256];
    size_t n = 0;
    if (word[0] == '-') {
        words[n++] = "--help";
        words[n++] = "--version";
        clade__suggest(suggestion, sizeof suggestion, word, words, n);
        return clade__fail(CLADE_EINVAL, "unknown option '%s' before a command%s", word,
                           suggestion);
    }
    for (; n < N_COMMANDS; n++) words[n] = commands[n]->name;
    return clade__fail(CLADE_EINVAL, "unknown command '%s'%s", word,
                       clade__suggest(suggestion, sizeof suggestion, word, words, n));
}

/* A launcher ends a job when one of its processes fails: the first is to say why, and to give the exit status. */
static void fail_after_first_rank(clade_status status)
{
    if (status != CLADE_OK && clade_job_launched_rank() > 0) sleep(1);
}

static int run_command(const cli_command *command, int argc, const char **argv)
{
    cli_call call = {.silent = clade_job_launched_rank() > 0}; /* all have the same command line */
    clade_status status = cli_scan(command, argc, argv, &call);
    if (status == CLADE_OK) call.silent = false;
    if (status == CLADE_OK && call.help)
        cli_print_help(command);
    else if (status == CLADE_OK && call.version)
        printf("clade %s\n", clade_version());
    else if (status == CLADE_OK)
        status = command->run(&call);
    if (status != CLADE_OK && !call.silent) cli_print_error(clade_error());
    fail_after_first_rank(status);
    int exit_status = status == CLADE_OK ? call.exit_status : cli_exit_status(status, call.writing);
    cli_call_free(&call);
    return exit_status;
}

static int run(int argc, const char **argv)
{
    if (argc < 2) {
        cli_print_error("no command given; see 'clade --help'");
        return CLI_USAGE;
    }
    const char *word = argv[1];
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 ||
        (strcmp(word, "help") == 0 && argc == 2)) {
        print_help();
        return CLI_DONE;
    }
    if (strcmp(word, "--version") == 0) {
        printf("clade %s\n", clade_version());
        return CLI_DONE;
    }
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(word, commands[i]->name) == 0)
            return run_command(commands[i], argc - 1, argv + 1);
    clade_status status = unknown_command(word);
    cli_print_error(clade_error());
    return cli_exit_status(status, false);
}

/* A standard stream that was closed would give its number to the next file opened, and our output
 * would end up there. Opened for reading only, it fails to be written, which is noticed. */
static void occupy_standard_streams(void)
{
    int fd;
    do fd = open("/dev/null", O_RDONLY);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) close(fd);
}

int main(int argc, const char **argv)
{
    occupy_standard_streams();
    cli_note_signals();
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is a failed write, with a message */
    signal(SIGXFSZ, SIG_IGN); /* so is a file that gets too large */
    int exit_status = run(argc, argv);
    bool terminal_closed = exit_status == CLI_SIGNAL + SIGHUP; /* then nobody reads it */
    if (cli_flush() != CLADE_OK && !terminal_closed &&
        (exit_status == CLI_DONE || exit_status > CLI_SIGNAL)) {
        cli_print_error(clade_error());
        exit_status = CLI_FAILED;
    }
    return exit_status;
}
