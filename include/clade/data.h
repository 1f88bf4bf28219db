/* Data sets: labelled samples in host memory, read from files or made by the library.
 *
 * A spec says where from:
 *   digits            made by the library: 28×28 grey digits; digits?n=2000&seed=3
 *   mnist:DIR         a set of images in IDX files, as MNIST and its like are; mnist:DIR?set=letters
 *   cifar10:DIR       the binary version of CIFAR-10; cifar10:DIR?files=data_batch_1.bin
 *   cifar100:DIR      the binary version of CIFAR-100; cifar100:DIR?labels=coarse
 *   images:DIR        a folder a class, with PNG and JPEG files in it; images:DIR?size=64
 *   csv:FILE          a table; csv:iris.csv?label=species, csv:homes.csv?target=price
 *   npy:X,Y           two NumPy files, samples and labels or targets; npy:x.npy,y.npy?test=0.1
 *   npy:FILE.npz      both in an archive
 *   random            noise, to measure with; random?features=1000&classes=10
 * and after a question mark, options joined by '&'. The options begin at the first '?' behind which a
 * word and '=' stand, so that a path may hold other ones. All kinds take part=train|valid|test
 * (valid is test where there are two), and n=N: the first N samples of the part; fewer in a file are an
 * error. clade_data_kind_at lists all kinds and options with a line on each.
 *
 * digits: 20,000 samples to train and 4,000 to test unless n= is given; seed=1 unless given.
 *
 * random: samples (features), float32, normal with mean 0 and standard deviation 1; labels uniform
 * in 0 … classes-1 (10 classes unless given) or, with targets=T, T normal numbers. n=1000 samples
 * and seed=1 unless given. The two parts differ, as if by their seed.
 *
 * mnist: DIR holds train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
 * t10k-labels-idx1-ubyte, with .gz or without, as MNIST, Fashion-MNIST and KMNIST come; or the files of
 * EMNIST, emnist-balanced-train-images-idx3-ubyte and so on, or of QMNIST, qmnist-train-…, under their
 * own names; or torchvision's MNIST/raw, FashionMNIST/raw …, of which there is one. Samples (height,
 * width) as they lie in the files, which have EMNIST's on their sides; uint8 with scale 1/255, or
 * float32 from the other types of IDX. Classes: those of EMNIST by their characters, its letters from
 * label 1; else as many as the greatest label of both parts + 1, and at least 10. Of labels in several
 * columns the first counts.
 *   set=NAME          which set, where DIR holds several: mnist (the plain names), balanced, bymerge,
 *                     byclass, letters, digits, emnist-mnist, qmnist
 *
 * cifar10: samples (3, 32, 32), uint8, scale 1/255. The train part is data_batch_1.bin to
 * data_batch_5.bin, those that are there, the test part test_batch.bin; each may hold any number
 * of images. files=NAME[,NAME…] reads these files of DIR instead, whichever part is asked for: name
 * others to validate with. batches.meta.txt, where it is, names the classes.
 *
 * cifar100: the same samples from train.bin and test.bin of CIFAR-100, whose records have two labels.
 * fine_label_names.txt and coarse_label_names.txt, where they are, name the classes. A file of one of these
 * two sets where the other is wanted is CLADE_EDATA with a message that says so.
 *   labels=fine|coarse  100 classes, which is usual, or the 20 that they belong to
 *
 * images: each folder in DIR is a class, and the files in it whose names end in .png, .jpg or .jpeg are
 * its samples, (3, height, width), uint8, scale 1/255; or DIR has train, valid (or val) and test, with
 * a folder for each class in them, and so parts of its own, where one of valid and test stands for the other
 * that is not there, and the classes are those of all parts. Classes and files are in the order of the
 * bytes of their names; samples are the first file of each class, then the second of each, and so on.
 * clade_data_kept has the name of each file, "class/name", as column "file". Other files are passed over,
 * with a note; what begins with a dot is not seen; links are followed. A file that cannot be decoded,
 * of which any part is missing or that has more than 2^27 pixels, a folder within a class and a class
 * without images are errors that name it.
 *   size=N, size=HxW  the size of a sample: each image is scaled until it covers so much, and cut. Where it
 *                     is H × W and h × w is wanted, a pixel of the sample is a × a of the image's with a =
 *                     min(H/h, W/w): the mean over that area where a > 1, bilinear where a < 1. Of the
 *                     scaled image, H/a × W/a, the sample begins at row floor((H/a - h) / 2) and column
 *                     floor((W/a - w) / 2). In whole numbers, rounded once, a half upwards: the same bytes on
 *                     every machine. Without size= all images must be of one size
 *   channels=1|3      1: grey, as 0.299 red + 0.587 green + 0.114 blue; 3, unless given: colours, where a grey
 *                     image has three equal ones
 *   labels=none       the images in DIR itself, without classes, to predict on
 * PNG may have 1 to 16 bits, a palette, and be interlaced; of 16 bits 8 are kept, and what is transparent
 * lies over black. JPEG may be sequential or progressive, grey, YCbCr or RGB; CMYK and arithmetic coding are
 * refused. Gamma, colour profiles and the orientation that a camera noted (Exif) are not looked at.
 *
 * csv: a table of text, gzipped or plain. Cells are separated by commas, semicolons, tabs or '|', may be
 * quoted (RFC 4180), and have blanks around them that do not count; blank lines do not count either. The
 * first row names the columns where the rows below say so; where they do not tell, header= must. Samples
 * (n_features), float32. A cell is missing where it is empty, NA, NaN, null, None, ?, -, or what else
 * pandas takes so. A column is numbers where all its other cells are, with true and false as 1 and 0, and
 * else a category, which is a feature for each of its texts: see clade/schema.h. A COLUMN is a name, or a
 * number from 1, or from -1 at the end; what could be either is a number.
 *   label=COLUMN|none the classes; the last column unless given. Whole numbers are in their order, equal
 *                     ones (1, 1.0, 01) one class; where any cell is no number all are names, in UTF-8,
 *                     in the order of their bytes. none: samples alone, to predict on
 *   target=COLUMN[,COLUMN…]  numbers to predict, in this order; then there are no classes
 *   drop=, id=        columns to leave out; those of id are carried along (clade_data_kept)
 *   features=COLUMN[,COLUMN…]  these alone are features
 *   categories=COLUMN[,COLUMN…]  numbers that are categories
 *   missing=RULE[,COLUMN:RULE…]  what a missing number becomes: refuse, unless given; mean or median of
 *                     the train part, or a number. With any but refuse a missing category is one of its
 *                     own, or 0 in all features where the train part misses none. A label or target may
 *                     not be missing
 *   unknown=refuse|zeros  a category that the train part lacks: an error, unless given, or 0 in each of
 *                     the column's features
 *   header=yes|no|auto, separator=C|tab, decimal=C, comment=C|none  where what is found is not right
 * A table that is read by a schema (clade_data_options) has its columns in any order, by their names;
 * label= and target= are those of the schema unless given, and where the table has not got their
 * columns it is samples alone.
 *
 * Parts of csv, npy and images: a file, or a folder of classes, has no parts of its own, and is one whole. Where train and test part of one
 * spec are opened, or the spec names a part, its rows are split by a fixed random choice:
 *   test=FRACTION     in [0, 1), 0.2 unless given: the share of rows in the test part; the train part is
 *                     the others. 0: every part is all rows
 *   split=A,B[,C]     shares, which add up to 1, to train, validate and test with, or to train and test
 *   split=COLUMN      of a csv: a column that says train, valid or test of each row
 *   seed=N            another choice
 *   stratify=yes      each part has its share of each class
 *   group=COLUMN      of a csv: rows with the same text here are in one part
 * What a schema is made of, statistics and categories, is the train part alone; the classes are those of
 * all rows.
 *
 * npy: versions 1.0 to 3.0, in either byte order and either order of elements. X is (n), n samples
 * of one value, or (n, …) with up to 6 dimensions. Floats of 16 to 64 bits and whole numbers of 8 to
 * 64 become the nearest float32, which tells whole numbers apart up to 2^24 and rounds those beyond;
 * a note names a column of a table whose numbers are all one then. A number that is not finite is an
 * error. uint8 and bool stay uint8. Y of whole numbers, (n) or
 * (n, 1), is labels of classes=N classes or, unless given, of as many as its greatest + 1; Y of
 * texts (U or S) is names of classes, ordered and numbered as those of csv; Y of floats, (n) or
 * (n, t), is targets. The paths are cut at the last comma; without one, npy:X is samples alone, to
 * predict on.
 *   scale=NUMBER      what a network sees is value * NUMBER; or a fraction, scale=1/255. Unless
 *                     given, 1/255 for images of bytes, as for those of all other kinds: uint8 of 3
 *                     or 4 dimensions in which any value is above 1, and of 1 or 2 in which any is
 *                     above 127, images laid flat, of which a note tells; else 1
 * npy:FILE.npz is an archive of arrays, stored or deflated, as numpy.savez and savez_compressed
 * write it. The samples are its array x, data, features, images, imgs, samples, inputs or arr_0, and
 * Y is y, label, labels, target, targets or arr_1, in any case of letters. With the words train and
 * test before or behind, as in x_train, y_train, x_test and y_test, it has parts of its own, whose
 * classes are those of all parts.
 *   x=NAME y=NAME     these arrays instead; x=TRAIN,TEST and y=TRAIN,TEST for parts; y=none: samples
 *                     alone. In npy:X,Y either file may be an archive too: of one array, or of the
 *                     one that is named so
 *   fields=NAME[,NAME…]  these arrays of the archive, as named fields (clade_data_from_fields): floats
 *                     become float32, bytes and bools stay bytes, other whole numbers become int32
 */
#ifndef CLADE_DATA_H
#define CLADE_DATA_H

#include <stdbool.h>

#include <clade/schema.h>
#include <clade/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clade_data clade_data;

typedef struct clade_data_info {
    const char *name;    /* the spec, with its part; owned by the data */
    int64_t n_samples;
    clade_shape shape;   /* of one sample */
    clade_dtype dtype;   /* CLADE_UINT8, or CLADE_FLOAT32 */
    float scale, shift;  /* a network sees value * scale + shift; or, where it is standardized, */
    const double *feature_scale, *feature_shift; /* with these of each value of a sample, owned by
                                                 * the data; NULL unless standardized */
    bool standardized;   /* features have mean 0 and deviation 1, by these or in the columns of a table */
    int n_classes;       /* labels are 0 … n_classes-1; 0 when targets are numbers */
    int64_t n_targets;   /* target numbers of a sample when n_classes is 0; both are 0 when there are
                          * samples alone, which can only be predicted on */
    uint64_t bytes;      /* samples and labels, in host memory */
    double seconds;      /* spent reading or making it */
    uint64_t reserved[8];
} clade_data_info;

/* Opens the train part, unless the spec names another; of a file without parts, all rows. CLADE_EINVAL
 * for a spec that makes no sense, CLADE_EIO for a file that cannot be read, CLADE_EDATA for one that is
 * damaged. */
CLADE_API CLADE_MUST_CHECK clade_status clade_data_open(clade_data **out, const char *spec);

/* The same of a part: "train", "valid" or "test". Files without parts are split. */
CLADE_API CLADE_MUST_CHECK clade_status clade_data_open_part(clade_data **out, const char *spec,
                                                             const char *part);

/* How data is opened. Zeroed: the train part, read as it is. */
typedef struct clade_data_options {
    const char *part;         /* "train", "valid" or "test", unless the spec names one; NULL: "train" */
    bool whole;               /* where a file has no parts of its own and the spec asks for none, take
                               * all of its rows, whichever part is asked for */
    bool standardize;         /* as clade_data_standardize; a table in double precision, before its
                               * numbers become float32 */
    bool standardize_targets; /* the same for its targets; clade_predict gives them in their own units */
    const clade_schema *schema; /* read a table as this one was read: that of a model, or of the data it
                                 * is trained on. Columns are found by name, in any order */
    bool samples_only;        /* labels and targets are not read, though a table may have them, so that
                               * none is refused */
    const char *keep;         /* names of columns to carry along as text, between commas; or NULL */
    uint64_t reserved[8];
} clade_data_options;

/* The same as these options say. CLADE_EDATA also for a table that lacks columns of the schema, or has a
 * category that the schema neither knows nor accepts. */
CLADE_API CLADE_MUST_CHECK clade_status clade_data_open_with(clade_data **out, const char *spec,
                                                             const clade_data_options *options);

/* Where the options of a spec begin, behind their '?'; NULL where it has none. */
CLADE_API const char *clade_data_spec_options(const char *spec);

/* What can be opened, for help texts; all of it static. */
typedef struct clade_data_kind_option {
    const char *key;      /* of key=value; NULL ends a list */
    const char *argument; /* what the value is, "N" or "train|test" */
    const char *help;     /* one sentence */
} clade_data_kind_option;

typedef struct clade_data_kind {
    const char *name;
    const char *path; /* what follows the ':', "DIR"; NULL: nothing does */
    const char *help;
    const clade_data_kind_option *options;
} clade_data_kind;

/* Kind number `index` of all kinds, from 0; NULL behind the last. */
CLADE_API const clade_data_kind *clade_data_kind_at(int index);

/* Copies samples from memory. features (n_samples, shape…) float32; either labels (n_samples),
 * each in [0, n_classes), or, with labels NULL, targets (n_samples, n_targets); with both NULL, and
 * n_classes and n_targets 0, samples alone, to predict on. CLADE_EINVAL for a label out of range, a
 * value that is not finite or a count that makes no sense, CLADE_ESHAPE for a bad shape. */
typedef struct clade_data_arrays {
    int64_t n_samples;
    clade_shape shape;
    const float *features;
    const int32_t *labels;
    int n_classes;
    const float *targets;
    int64_t n_targets;
    uint64_t reserved[8];
} clade_data_arrays;

CLADE_API CLADE_MUST_CHECK clade_status clade_data_from_arrays(clade_data **out,
                                                               const clade_data_arrays *arrays);

/* A named part of each sample, for a network of several inputs. */
typedef struct clade_data_field {
    const char *name;   /* of the network's input that it is for */
    clade_dtype dtype;  /* float32, uint8 or int32 */
    clade_shape shape;  /* of one sample */
    const void *values; /* (n_samples, shape…) */
    uint64_t reserved[4];
} clade_data_field;

/* Copies fields from memory. Every input of a network gets the field of its name, the targets of its losses
 * among them: float32 or uint8 numbers as they are for an input of float32, int32 for one of int32, in the
 * input's shape or flat. Fields that the network has no input for are left. Such data has no samples,
 * labels and targets beside its fields: it describes a sample of shape (0), and cannot be scaled.
 * CLADE_EINVAL for a name twice, no values, or a value that is not finite, CLADE_ESHAPE for a bad shape. */
CLADE_API CLADE_MUST_CHECK clade_status clade_data_from_fields(clade_data **out, int64_t n_samples,
                                                               const clade_data_field *fields,
                                                               int n_fields);

/* How many fields data has, 0 unless it is of fields; and number `index` of them, owned by the data: CLADE_EINVAL
 * where there is none. */
CLADE_API int clade_data_n_fields(const clade_data *data);
CLADE_API CLADE_MUST_CHECK clade_status clade_data_field_at(const clade_data *data, int index,
                                                            clade_data_field *field);

/* Changes what a network sees to value * scale + shift. Both must be finite, scale not 0.
 *
 * This, and what clade_data_standardize sets, counts in the data that a model is trained on: the
 * model takes it over, is saved with it, and sees all other data alike. */
CLADE_API CLADE_MUST_CHECK clade_status clade_data_set_scale(clade_data *data, float scale,
                                                             float shift);

/* Changes what a network sees of each feature to (value - mean) / deviation, over these samples, as
 * scikit-learn's StandardScaler does: computed in double precision, the deviation that of the
 * samples themselves (divided by n), and 1 for a feature that is constant. Targets stay as they
 * are. Takes the place of an earlier scale. */
CLADE_API CLADE_MUST_CHECK clade_status clade_data_standardize(clade_data *data);

/* The same by channel: one mean and deviation for all pixels of each channel of images (channels, height,
 * width), or for all of (height, width), as torchvision's Normalize takes them. CLADE_EINVAL for samples of
 * another rank. */
CLADE_API CLADE_MUST_CHECK clade_status clade_data_standardize_channels(clade_data *data);

CLADE_API clade_data_info clade_data_describe(const clade_data *data);
CLADE_API void clade_data_free(clade_data *data);

/* Where a sample stands in its file: the number of its row, from 0, a header not counted; in other data
 * its own number. -1 out of range. */
CLADE_API int64_t clade_data_row(const clade_data *data, int64_t sample);

/* Lines that say what was decided in reading, such as which rows are held out, or what looks doubtful;
 * owned by the data. NULL behind the last. */
CLADE_API const char *clade_data_note(const clade_data *data, int index);

/* Columns that are carried along: the name of each, NULL behind the last; and the text in it of a
 * sample, "" where the cell is empty. */
CLADE_API const char *clade_data_kept_name(const clade_data *data, int column);
CLADE_API const char *clade_data_kept(const clade_data *data, int column, int64_t sample);

/* What the columns of its table are to a network; NULL where it does not come from a table. */
CLADE_API const clade_schema *clade_data_schema(const clade_data *data);

/* Whether both hold the same samples with the same answers: what a network scores on one says
 * nothing of how it does on data it was not trained on, when the other was. */
CLADE_API bool clade_data_equal(const clade_data *a, const clade_data *b);

/* Weights (n_classes) with which each class that has samples counts as much as another: n / (k n_c), of n
 * samples of k classes, n_c of this one (scikit-learn's "balanced"); 1 of a class without samples.
 * CLADE_EINVAL where there are no classes. */
CLADE_API CLADE_MUST_CHECK clade_status clade_data_class_weights(const clade_data *data,
                                                                 float *weights);

/* A class's name as text, owned by the data. NULL where the source names none, and for a label that
 * is not in 0 … n_classes-1. */
CLADE_API const char *clade_data_class_name(const clade_data *data, int label);

#ifdef __cplusplus
}
#endif

#endif
