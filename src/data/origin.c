/* Where the samples of a data set come from: their rows in the source, the texts of columns that are
 * carried along, and what the reader has to say of it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "data/dataset.h"

clade_status clade__data_note(clade_data *data, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = clade__vformat(NULL, 0, format, args);
    va_end(args);
    char **notes = realloc(data->notes, ((size_t)data->n_notes + 1) * sizeof *notes);
    if (notes) data->notes = notes;
    char *note = malloc((size_t)length + 1);
    if (!notes || !note) {
        free(note);
        return clade__fail(CLADE_ENOMEM, "data: no memory");
    }
    va_start(args, format);
    clade__vformat(note, (size_t)length + 1, format, args);
    va_end(args);
    data->notes[data->n_notes++] = note;
    return CLADE_OK;
}

void clade__data_free_origin(clade_data *data)
{
    for (int i = 0; i < data->n_notes; i++) free(data->notes[i]);
    for (int i = 0; i < data->n_kept; i++) {
        free(data->kept[i].name);
        free(data->kept[i].texts);
        free(data->kept[i].of_sample);
    }
    free(data->notes);
    free(data->kept);
    free(data->rows);
}

int64_t clade_data_row(const clade_data *data, int64_t sample)
{
    if (sample < 0 || sample >= data->n_samples) return -1;
    return data->rows ? data->rows[sample] : sample;
}

const char *clade_data_note(const clade_data *data, int index)
{
    return index >= 0 && index < data->n_notes ? data->notes[index] : NULL;
}

const char *clade_data_kept_name(const clade_data *data, int column)
{
    return column >= 0 && column < data->n_kept ? data->kept[column].name : NULL;
}

const char *clade_data_kept(const clade_data *data, int column, int64_t sample)
{
    if (column < 0 || column >= data->n_kept || sample < 0 || sample >= data->n_samples)
        return NULL;
    const clade__kept *kept = &data->kept[column];
    int32_t code = kept->of_sample[sample];
    return code < 0 ? "" : kept->texts[code];
}

const clade_schema *clade_data_schema(const clade_data *data)
{
    return data->schema;
}
