/* OpenCL devices: list them, choose one, open it.
 *
 * A selector names a device: "gpu", "cpu", "accelerator", an index from clade_devices(), the
 * numbers "PLATFORM:DEVICE", a platform's short name (pocl, rusticl, clover, intel, amd, nvidia or
 * cuda, oclgrind) where it has a device, or a part of a platform's or device's name (case does not
 * matter).
 * NULL or "" means the environment's CLADE_DEVICE, and without that the default device: the best
 * GPU, else the best accelerator, else the best CPU. A simulator that is of several types is a CPU
 * unless it is asked for as another.
 *
 * CLADE_COMPUTE_UNITS=N lets every device that is opened use N of its compute units only, and
 * CLADE_MEMORY=64M (bytes; K, M and G are powers of 1024) no more of its memory than that: all buffers
 * together, whoever else uses the device. With CLADE_POSE=rx580, say, every CPU tells of itself what a Radeon RX 580
 * would, and what follows from it is as there, for tests; src/device/descriptions.c lists the words.
 *
 * Threads. Devices have nothing in common: each thread may have one of its own, with models and tensors of
 * its own, also of the same hardware (a selector may be opened several times). One device is used by one
 * thread at a time, with all that was made on it; threads may take turns. A second thread's call is refused
 * with CLADE_ESTATE while another one's is at work on the device, a training or an evaluation above all.
 * Freeing cannot be refused: it must not happen then. clade_error() is of the calling thread. CLBlast is one
 * for all threads, which wait for one another there.
 */
#ifndef CLADE_DEVICE_H
#define CLADE_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <clade/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum clade_device_type {
    CLADE_DEVICE_CPU,
    CLADE_DEVICE_GPU,
    CLADE_DEVICE_ACCELERATOR,
    CLADE_DEVICE_OTHER
} clade_device_type;

typedef struct clade_device_info {
    int index;           /* in the list of clade_devices() */
    int platform_index;  /* the selector "platform_index:device_index" names this device too */
    int device_index;    /* within its platform */
    char name[128];
    char vendor[128];
    char platform[128];
    char platform_version[128];
    char driver[128];    /* driver version */
    char version[128];   /* device version, "OpenCL 1.2 ..." */
    clade_device_type type;
    int compute_units;   /* of an open device, those that it uses */
    int clock_mhz;
    int float_vector_width; /* native; 16 on AVX-512, 1 on most GPUs */
    size_t work_group_limit;
    uint64_t global_memory_bytes;
    uint64_t max_allocation_bytes;
    uint64_t local_memory_bytes;
    bool local_memory_dedicated; /* false on CPUs, where local memory is ordinary memory */
    bool available;      /* has an online OpenCL C compiler and is not reserved */
    bool is_default;     /* what an empty selector opens */
    int same_as;         /* index of the same hardware behind an earlier platform, -1 if none */
    size_t view_alignment_bytes; /* where a view may begin: see clade_tensor_view */
    bool has_double, has_half;   /* arithmetic of these types: cl_khr_fp64, cl_khr_fp16 */
    uint64_t reserved[7];
} clade_device_info;

typedef struct clade_device clade_device;

/* "cpu", "gpu", "accelerator" or "other". */
CLADE_API const char *clade_device_type_name(clade_device_type type);

/* Lists every device of every platform in *list (free with clade_devices_free), n_devices long.
 * `why` (may be NULL) receives one line on which is the default, and why; truncated to why_bytes.
 * CLADE_ENODEVICE when there is no loader, no platform or no device; the message says which. */
CLADE_API CLADE_MUST_CHECK clade_status clade_devices(clade_device_info **list, int *n_devices,
                                                      char *why, size_t why_bytes);
CLADE_API void clade_devices_free(clade_device_info *list);

/* A platform: a driver, whether it shows a device or not. */
typedef struct clade_platform_info {
    int index;         /* platform_index of its devices */
    char name[128];
    char version[128];
    int n_devices;
    const char *hint;  /* what would show a device, a static text; NULL where there is one */
    uint64_t reserved[4];
} clade_platform_info;

/* Lists every platform in *list (free with clade_platforms_free). CLADE_ENODEVICE when there is no loader
 * or no platform, CLADE_ENOMEM when there is no memory to load a driver. */
CLADE_API CLADE_MUST_CHECK clade_status clade_platforms(clade_platform_info **list, int *n_platforms);
CLADE_API void clade_platforms_free(clade_platform_info *list);

/* Opens the device that the selector names. CLADE_ENODEVICE when nothing, or more than one device,
 * matches (the message lists what there is) or the device refuses a context. */
CLADE_API CLADE_MUST_CHECK clade_status clade_device_open(clade_device **out,
                                                          const char *selector);

/* The same with so many of the device's compute units, as an OpenCL sub-device; 0 means the
 * environment's CLADE_COMPUTE_UNITS, and without that all. What is computed has the same bits with
 * any number. CLADE_EINVAL for a number below 0, or a variable that holds none; CLADE_ENODEVICE when
 * the device has fewer, or its driver cannot divide it. */
CLADE_API CLADE_MUST_CHECK clade_status clade_device_open_units(clade_device **out,
                                                                const char *selector,
                                                                int compute_units);

/* Waits for the device's queued work, then releases it. Everything made on the device must have
 * been freed before. NULL is a no-op. */
CLADE_API void clade_device_free(clade_device *device);

/* What is known of an open device; owned by it. */
CLADE_API const clade_device_info *clade_device_describe(const clade_device *device);

/* Why this device was chosen, in one line; owned by the device. */
CLADE_API const char *clade_device_reason(const clade_device *device);

/* Waits until all queued work is done. CLADE_EOPENCL with the driver's error otherwise. */
CLADE_API CLADE_MUST_CHECK clade_status clade_device_finish(clade_device *device);

/* Bytes of device memory held now through this device, and the most there ever were. */
CLADE_API uint64_t clade_device_bytes_held(const clade_device *device);
CLADE_API uint64_t clade_device_bytes_peak(const clade_device *device);

/* What a command is done for, as id and name. A step of sgd that is part of a weight's gemm is of
 * backward; every launch of an evaluation is of validation. */
#define CLADE_PHASES(X)                                                                            \
    X(OTHER, "other")                                                                              \
    X(FEED, "feed")                                                                                \
    X(FORWARD, "forward")                                                                          \
    X(LOSS, "loss")                                                                                \
    X(BACKWARD, "backward")                                                                        \
    X(OPTIMIZER, "optimizer")                                                                      \
    X(METRICS, "metrics")                                                                          \
    X(VALIDATION, "validation")                                                                    \
    X(TRANSFER, "transfer")                                                                        \
    X(COMMUNICATION, "communication")

typedef enum clade_phase {
#define CLADE_PHASE_ID(id, name) CLADE_PHASE_##id,
    CLADE_PHASES(CLADE_PHASE_ID)
#undef CLADE_PHASE_ID
    CLADE_N_PHASES
} clade_phase;

/* "forward". */
CLADE_API const char *clade_phase_name(clade_phase phase);

/* Device time of the commands with one label in one phase and layer, gathered from OpenCL's event
 * timestamps while profiling is on. Texts are owned by the device, as long as its list of entries.
 * Of a gemm of CLBlast that runs several kernels the earlier ones count where all were queued before
 * the device came to the first; else the last one's time alone. */
typedef struct clade_profile_entry {
    const char *label;  /* kernel, "gemm ...", "zero", "copy", or "read" and "write" for transfers */
    uint64_t n_calls;
    double seconds;     /* summed over the calls */
    clade_phase phase;
    const char *layer;  /* "0 linear": name and type; "" for what is done for no layer */
    uint64_t reserved[4];
} clade_profile_entry;

/* How busy the device was: from the first step of the first training or evaluation within the
 * profile on, or from the first command where there was none. */
typedef struct clade_profile_totals {
    uint64_t n_commands, n_traced; /* of the whole profile; of them in its trace */
    double busy_seconds;           /* summed over the commands, which do not overlap */
    double wall_seconds;           /* from the first command's start to the last one's end */
    double communication_seconds;  /* of a job's ranks, while their gradients were summed, by the host's clock; */
    double exposed_seconds;        /* and of the device, waiting for that with nothing else to do */
    uint64_t reserved[2];
} clade_profile_totals;

/* Starts to gather, from zero. Profiling costs a little time for each launch. */
CLADE_API CLADE_MUST_CHECK clade_status clade_profile_begin(clade_device *device);

/* Waits for the queue, stops, and gives the entries, longest first; *entries is owned by the
 * device until the next clade_profile_begin or clade_device_free. */
CLADE_API CLADE_MUST_CHECK clade_status clade_profile_end(clade_device *device,
                                                          const clade_profile_entry **entries,
                                                          size_t *n_entries);

/* Of the profile that has ended last. CLADE_ESTATE when there is none. */
CLADE_API CLADE_MUST_CHECK clade_status clade_profile_describe(const clade_device *device,
                                                               clade_profile_totals *totals);

/* Writes the timeline of that profile, its first 20,000 commands, as JSON in the Trace Event Format:
 * chrome://tracing and ui.perfetto.dev open it. One track has the device's commands, one what the
 * host did. CLADE_EIO when the file cannot be written; the old one stands then. */
CLADE_API CLADE_MUST_CHECK clade_status clade_profile_write_trace(const clade_device *device,
                                                                  const char *path);

#ifdef __cplusplus
}
#endif

#endif
