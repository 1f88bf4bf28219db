/* A training's config. One that is taken is written as a run's config.yaml is, and must then be read
 * as the same. */
#include <stdlib.h>
#include <string.h>

#include "cli/config.h"
#include "cli/network.h"
#include "fuzz.h"

/* Reads a config as `clade train` does, up to where it would open device and data; the config that
 * would be written into the run's folder, or NULL when it is refused. */
static char *resolve(const char *path)
{
    cli_settings settings = {0};
    cJSON *layers = NULL;
    clade_model *model = NULL;
    clade__text out = {0};
    clade_data_info data = {.shape = CLADE_SHAPE(28, 28), .n_classes = 10};
    clade_status status = cli_settings_start(&settings);
    if (status == CLADE_OK) status = cli_config_read(path, &settings);
    if (status == CLADE_OK) status = cli_settings_resolve_optimizer(&settings);
    if (status == CLADE_OK) status = cli_network_describe(&settings, &data, &layers);
    if (status == CLADE_OK) status = clade_model_create(&model, NULL, 1);
    if (status == CLADE_OK) {
        char *json = cJSON_PrintUnformatted(layers);
        fuzz_assert(json);
        if (!clade_model_layers(model, json)) {
            fuzz_assert(clade_error()[0]);
            status = cli_config_locate(&settings, CLADE_ECONFIG);
        }
        cJSON_free(json);
    }
    if (fuzz_check(status)) {
        cli_settings_write(&settings, layers, &out);
        fuzz_assert(!out.failed && out.data);
    }
    clade_model_free(model);
    cJSON_Delete(layers);
    cli_settings_free(&settings);
    return out.data;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    const char *path = fuzz_write("config.yaml", (fuzz_input){bytes, n_bytes});
    /* JSON of an item that is two bytes of YAML, and its path and line; the most layers of mlp:…. */
    fuzz_begin(262144 + 128 * n_bytes);
    char *first = resolve(path);
    if (first) {
        fuzz_input written = {(const uint8_t *)first, strlen(first)};
        char *second = resolve(fuzz_write("again.yaml", written));
        fuzz_assert(second && strcmp(first, second) == 0);
        free(second);
    }
    free(first);
    fuzz_end();
    return 0;
}
