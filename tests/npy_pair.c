#include "npy_pair.h"

#include <stdio.h>

#include "support.h"

char npy_folder[256];

int npy_set_folder(void **state)
{
    (void)state;
    snprintf(npy_folder, sizeof npy_folder, "%s", test_folder());
    return 0;
}

const char *npy_write_pair(npy x, npy y)
{
    test_write_file(test_text("%s/x.npy", npy_folder), x.bytes, x.n);
    test_write_file(test_text("%s/y.npy", npy_folder), y.bytes, y.n);
    return test_text("npy:%s/x.npy,%s/y.npy", npy_folder, npy_folder);
}

clade_data *npy_open_pair(npy x, npy y)
{
    clade_data *data;
    assert_ok(clade_data_open(&data, npy_write_pair(x, y)));
    return data;
}

void npy_open_bad(npy x, npy y, const char *part)
{
    clade_data *data = (clade_data *)&data;
    assert_fails(clade_data_open(&data, npy_write_pair(x, y)), CLADE_EDATA, part);
    assert_null(data);
    assert_non_null(strstr(clade_error(), npy_folder));
}
