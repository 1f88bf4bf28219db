#define _POSIX_C_SOURCE 200809L
#include "cli/run_folder.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/config.h"

/* What clade_fit writes into the folder, checkpoints aside, which it also clears away, and run.lock, which
 * stays. */
static const char *const run_files[] = {"metrics.jsonl", "model.safetensors", "best.safetensors"};

enum { N_RUN_FILES = sizeof run_files / sizeof run_files[0], MAX_SAME_SECOND = 1000 };

static clade_status path_in(char out[CLI_PATH_BYTES], const char *folder, const char *file)
{
    int n = snprintf(out, CLI_PATH_BYTES, "%s/%s", folder, file);
    if (n < 0 || n >= CLI_PATH_BYTES)
        return clade__fail(CLADE_EIO, "the path of '%s' is too long", file);
    return CLADE_OK;
}

/* Runs of characters that are no part of a plain file name become one '-'. */
static void to_file_name(char *out, size_t out_bytes, const char *text)
{
    size_t n = 0;
    for (; *text && n + 1 < out_bytes; text++) {
        bool plain =
            strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._", *text) &&
            !(n == 0 && *text == '.');
        if (plain)
            out[n++] = *text;
        else if (n > 0 && out[n - 1] != '-')
            out[n++] = '-';
    }
    while (n > 0 && out[n - 1] == '-') n--;
    out[n] = '\0';
}

clade_status cli_run_name(cli_settings *settings)
{
    const char *config = settings->config, *model = cli_setting_text(settings, CLI_MODEL);
    char name[64], words[128];
    if (config) {
        const char *slash = strrchr(config, '/');
        snprintf(words, sizeof words, "%s", slash ? slash + 1 : config);
        char *dot = strrchr(words, '.');
        if (dot && dot != words) *dot = '\0';
    } else {
        const char *data = cli_setting_text(settings, CLI_DATA);
        snprintf(words, sizeof words, "%.*s-%s", (int)strcspn(data, ":?"), data, model);
    }
    to_file_name(name, sizeof name, words);
    return cli_setting_decide(settings, CLI_NAME, "%s", name[0] ? name : "run");
}

/* Whether it has one of the files above, or a checkpoint. */
static clade_status holds_run(const char *folder, bool *found)
{
    DIR *open = opendir(folder);
    *found = false;
    if (!open && (errno == ENOENT || errno == ENOTDIR)) return CLADE_OK;
    if (!open) return clade__fail(CLADE_EIO, "cannot read '%s': %s", folder, clade__errno_text(errno));
    for (const struct dirent *entry; !*found && (entry = readdir(open));) {
        *found = strncmp(entry->d_name, "checkpoint-", strlen("checkpoint-")) == 0;
        for (int i = 0; i < N_RUN_FILES; i++)
            *found = *found || strcmp(entry->d_name, run_files[i]) == 0;
    }
    closedir(open);
    return CLADE_OK;
}

clade_status cli_run_check(const cli_settings *settings, bool overwrite)
{
    const cli_value *run = &settings->values[CLI_RUN];
    bool found;
    if (!run->text || overwrite) return CLADE_OK;
    CLADE_TRY(holds_run(run->text, &found));
    if (!found) return CLADE_OK;
    return clade__fail(CLADE_ECONFIG, "%s: '%s' holds a run already; go on with it by --resume, choose "
                       "another folder, or give --overwrite", run->where, run->text);
}

/* ---- a run that goes on ---------------------------------------------------------------------- */

clade_status cli_run_config_path(const char *folder, char path[CLI_PATH_BYTES])
{
    CLADE_TRY(path_in(path, folder, "config.yaml"));
    if (access(path, F_OK) == 0) return CLADE_OK;
    return clade__fail(CLADE_ECONFIG, "'%s' holds no run to resume: %s: %s", folder, path,
                       clade__errno_text(errno));
}

/* What decides nothing but how long it lasts, where, and what it leaves; the model is compared by its
 * layers. */
static bool may_change(cli_setting_id id)
{
    static const cli_setting_id ids[] = {
        CLI_NAME,   CLI_MODEL,     CLI_ACTIVATION, CLI_DROPOUT, CLI_PATIENCE,  CLI_MIN_DELTA,
        CLI_KEEP,   CLI_EPOCHS,    CLI_MAX_STEPS,  CLI_DEVICE,  CLI_LOG_EVERY, CLI_CHECKPOINT_EVERY,
        CLI_GEMM,   CLI_RUN,       CLI_SHARE,
    };
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        if (ids[i] == id) return true;
    return false;
}

static clade_status compare(const cli_settings *now, const cJSON *layers, const cli_settings *then)
{
    for (int id = 0; id < CLI_N_SETTINGS; id++) {
        const cli_value *a = &now->values[id], *b = &then->values[id];
        if (may_change(id) || cli_setting_equal(id, a, b)) continue;
        return clade__fail(CLADE_ECONFIG, "%s is %s, and the run in '%s' began with %s; a run that "
                           "goes on cannot change it", a->text ? a->where : cli_settings_table[id].path,
                           a->text ? a->text : "not set", now->values[CLI_RUN].text,
                           b->text ? b->text : "none");
    }
    /* The model, which in the run's config stands in full. */
    if (cJSON_Compare(layers, then->layers, true)) return CLADE_OK;
    return clade__fail(CLADE_ECONFIG, "%s is another model than that of the run in '%s'; a run that "
                       "goes on cannot change it", now->values[CLI_MODEL].where,
                       now->values[CLI_RUN].text);
}

clade_status cli_run_check_same(const cli_settings *settings, const cJSON *layers)
{
    cli_settings then = {0};
    clade_status status = cli_settings_start(&then);
    if (status == CLADE_OK) status = cli_config_read(settings->config, &then);
    if (status == CLADE_OK) status = compare(settings, layers, &then);
    cli_settings_free(&then);
    return status;
}

/* ---- a new one ------------------------------------------------------------------------------- */

/* runs/NAME-TIME, or with a number after it when another run began in the same second. */
static clade_status make_default(const char *name, char folder[CLI_PATH_BYTES])
{
    char stamp[32], plain[64];
    time_t now = time(NULL);
    struct tm date;
    if (!localtime_r(&now, &date)) date = (struct tm){.tm_mday = 1};
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &date);
    to_file_name(plain, sizeof plain, name);
    CLADE_TRY(clade__make_folder("runs"));
    for (int i = 1; i < MAX_SAME_SECOND; i++) {
        int n = snprintf(folder, CLI_PATH_BYTES, "runs/%s-%s", plain[0] ? plain : "run", stamp);
        if (i > 1) snprintf(folder + n, (size_t)(CLI_PATH_BYTES - n), "-%d", i);
        if (mkdir(folder, 0777) == 0) return CLADE_OK;
        if (errno != EEXIST) break;
    }
    return clade__fail(CLADE_EIO, "cannot make folder '%s': %s", folder, clade__errno_text(errno));
}

clade_status cli_run_make(const cli_settings *settings, char folder[CLI_PATH_BYTES])
{
    const char *given = cli_setting_text(settings, CLI_RUN);
    if (!given) return make_default(cli_setting_text(settings, CLI_NAME), folder);
    snprintf(folder, CLI_PATH_BYTES, "%s", given);
    size_t length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/') folder[--length] = '\0';
    return clade__make_folder(folder);
}

clade_status cli_run_clear(const char *folder)
{
    for (int i = 0; i < N_RUN_FILES; i++) {
        char path[CLI_PATH_BYTES];
        CLADE_TRY(path_in(path, folder, run_files[i]));
        if (unlink(path) != 0 && errno != ENOENT)
            return clade__fail(CLADE_EIO, "cannot remove '%s': %s", path, clade__errno_text(errno));
    }
    return CLADE_OK;
}

clade_status cli_run_write_config(const cli_settings *settings, const cJSON *layers,
                                  const clade_device_info *device, const char *folder)
{
    char path[CLI_PATH_BYTES], name[128];
    CLADE_TRY(path_in(path, folder, "config.yaml"));
    snprintf(name, sizeof name, "%s", device->name);
    for (char *c = name; *c; c++)
        if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e) *c = '?';
    clade__text text = {0};
    clade__text_append(&text,
                       "# Everything that this run was trained with, by clade %s on %s.\n"
                       "# `clade train` takes it as it is, from the folder where the run began.\n",
                       clade_version(), name);
    cli_settings_write(settings, layers, &text);
    clade_status status = text.failed
                              ? clade__fail(CLADE_ENOMEM, "no memory for '%s'", path)
                              : clade__file_write(path, &(clade__piece){text.data, text.length}, 1);
    clade__text_free(&text);
    return status;
}
