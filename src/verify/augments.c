/* Images by index, each changed at random. */
#include <math.h>

#include "base/philox.h"
#include "ops/ops.h"
#include "verify/families.h"

enum { DST, SRC, INDEX, IDS };

#define SCALE 0.7f
#define SHIFT (-0.5f)
#define SEED  UINT64_C(0x123456789abcdef)

enum { CROP = 3, CUTOUT = 4 };

static const int32_t first = 1, epoch = 5; /* the last image asked for is past the end */

/* (images, channels, height, width): of one pixel, narrower than what they are moved by, and with lines
 * longer than a group. */
static const clade_shape shapes[] = {{4, {1, 1, 1, 1}},   {4, {3, 1, 2, 1}},    {4, {5, 1, 7, 5}},
                                     {4, {2, 3, 3, 131}}, {4, {7, 2, 13, 67}}, {4, {9, 3, 32, 32}},
                                     {4, {128, 3, 32, 32}}, {0}};

/* That of the trial's shape; a matrix, which bench has, is images of one line. */
static clade_shape images_of(const clade__trial *t)
{
    const int64_t *d = t->shape.dim;
    return t->shape.rank == 4 ? t->shape : CLADE_SHAPE(d[0], 1, 1, d[1]);
}

static clade_shape matrix_of(const clade__trial *t)
{
    clade_shape shape = images_of(t);
    return CLADE_SHAPE(shape.dim[0], shape.dim[1] * shape.dim[2] * shape.dim[3]);
}

static void prepare(clade__trial *t)
{
    int64_t rows = matrix_of(t).dim[0], cols = matrix_of(t).dim[1];
    clade__trial_out(t, "dst", CLADE_FLOAT32, matrix_of(t), -1);
    if (t->op->variant & CLADE__FROM_BYTES)
        clade__trial_in_integers(t, "src", CLADE_UINT8, matrix_of(t), 0, 256);
    else
        clade__trial_in(t, "src", matrix_of(t), -4.0, 4.0);
    clade__trial_in_integers(t, "index", CLADE_INT32, CLADE_SHAPE(rows), -1, (int)rows + 1);
    clade__trial_in_integers(t, "ids", CLADE_INT32, CLADE_SHAPE(rows), 0, 60000);
    if (t->op->variant & CLADE__BY_COLUMN)
        clade__trial_in_as(t, "columns", CLADE_SHAPE(3, cols), -1.0, 1.0, CLADE__ORDINARY);
}

static clade_status record(clade__commands *commands, const clade__trial *t)
{
    const clade__operand *columns = clade__trial_find(t, "columns");
    const clade_shape images = images_of(t);
    const int64_t *d = images.dim;
    const clade__rows_by by = {clade__trial_tensor(t, INDEX), &first, SCALE, SHIFT,
                               columns ? columns->tensor : NULL};
    const clade__augmentation how = {{d[1], d[2], d[3]}, CROP, true, CUTOUT, SEED, &epoch,
                                     clade__trial_tensor(t, IDS)};
    return clade__gather_augmented(commands, clade__trial_tensor(t, DST),
                                   clade__trial_tensor(t, SRC), &by, &how);
}

/* As cl/augment.cl names it. */
typedef struct drawn {
    int64_t dy, dx, cut_y, cut_x;
    bool mirrored;
} drawn;

static int64_t below(uint32_t word, int64_t n)
{
    return (int64_t)(((uint64_t)word * (uint64_t)n) >> 32);
}

static drawn draw(const clade__trial *t, int32_t id)
{
    const clade_shape images = images_of(t);
    uint64_t low = (uint32_t)id | (uint64_t)epoch << 32;
    const clade__philox_block a = clade__philox(SEED, low, CLADE__STREAM_AUGMENT);
    const clade__philox_block b = clade__philox(SEED, low, CLADE__STREAM_AUGMENT | UINT64_C(1) << 32);
    return (drawn){.dy = below(a.word[0], 2 * CROP + 1) - CROP,
                   .dx = below(a.word[1], 2 * CROP + 1) - CROP,
                   .mirrored = a.word[2] >> 31,
                   .cut_y = below(b.word[0], images.dim[2]) - CUTOUT / 2,
                   .cut_x = below(b.word[1], images.dim[3]) - CUTOUT / 2};
}

static double value_at(const clade__operand *src, int64_t i)
{
    return src->dtype == CLADE_UINT8 ? (double)src->before.bytes[i] : (double)src->before.floats[i];
}

/* One pixel, number i of dst, of row `row` of src. */
static void expect_pixel(clade__trial *t, int64_t i, int64_t row, const drawn *d)
{
    const clade__operand *src = &t->operands[SRC], *columns = clade__trial_find(t, "columns");
    const clade_shape images = images_of(t);
    int64_t height = images.dim[2], width = images.dim[3], cols = matrix_of(t).dim[1];
    int64_t c = i % cols, x = c % width, y = c / width % height, plane = c / (height * width);
    int64_t from_y = y + d->dy, from_x = (d->mirrored ? width - 1 - x : x) + d->dx;
    bool inside = from_y >= 0 && from_y < height && from_x >= 0 && from_x < width;
    if (y >= d->cut_y && y < d->cut_y + CUTOUT && x >= d->cut_x && x < d->cut_x + CUTOUT) {
        clade__expect(&t->operands[DST], i, 0.0, 0.0);
        return;
    }
    int64_t from = ((row * images.dim[1] + plane) * height + from_y) * width + from_x;
    double v = inside ? value_at(src, from) : 0.0;
    const float *column = columns ? columns->before.floats + c : NULL;
    double scale = column ? (double)column[0] : (double)SCALE;
    double center = column ? (double)column[cols] + (double)column[2 * cols] : 0.0;
    double size = column ? fabs((double)column[cols]) + fabs((double)column[2 * cols]) : 0.0;
    double want = (v - center) * scale + (column ? 0.0 : (double)SHIFT);
    clade__expect(&t->operands[DST], i, want, 2.0 * (fabs(v) + size) * fabs(scale) + fabs(want));
}

static void expect(clade__trial *t)
{
    int64_t rows = matrix_of(t).dim[0], cols = matrix_of(t).dim[1];
    for (int64_t r = 0; r < rows; r++) {
        int64_t at = first + r, row = at < rows ? t->operands[INDEX].before.ints[at] : -1;
        if (row >= rows) row = -1;
        drawn d = {0};
        if (row >= 0) d = draw(t, t->operands[IDS].before.ints[at]);
        for (int64_t i = r * cols; i < (r + 1) * cols; i++)
            if (row < 0)
                clade__expect(&t->operands[DST], i, (double)NAN, 0.0);
            else
                expect_pixel(t, i, row, &d);
    }
}

const clade__family clade__augments = {prepare, record, expect, 1u << CLADE__ORDINARY, shapes};
const clade__family clade__byte_augments = {prepare, record, expect, 1u << CLADE__ORDINARY, shapes};
