/* A libnvidia-ml.so.1 that answers as NVML does (types and codes of nvml.h), led by environment variables:
 *   STUB_GPUS=2            how many GPUs
 *   STUB_NAMES=A,B         their names
 *   STUB_MIG=1             GPUs (by index, comma separated) in MIG mode, with two instances each
 *   STUB_UNSUPPORTED=f,g   functions that answer NOT_SUPPORTED
 *   STUB_HANG=f            a function that never returns
 *   STUB_INIT=9            what nvmlInitWithFlags returns
 *   STUB_PROCESSES=f       a file of "GPU PID BYTES" lines; BYTES -1: not available
 *   STUB_USED=f            a file with the used bytes of every GPU
 * Energy grows by 5 J with every question; utilisation is 30 % on GPU 0 and 50 % on the others.
 * -DOLD leaves out what drivers before R510 lack.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SUCCESS = 0, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7 };
typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned int gpu, memory; } Utilization;
typedef struct { unsigned int pid; unsigned long long used; unsigned int gi, ci; } Process;
typedef struct { int gpu, instance; } Device;  /* instance -1: the whole GPU */

static Device devices[16][3];
static unsigned long long energy[16];

static int listed(const char *variable, const char *word) {
    const char *text = getenv(variable);
    size_t length = strlen(word);
    while (text && *text) {
        size_t n = strcspn(text, ",");
        if (n == length && !strncmp(text, word, n)) return 1;
        text += n + (text[n] == ',');
    }
    return 0;
}
static int is_mig(int gpu) {
    char word[8];
    snprintf(word, sizeof word, "%d", gpu);
    return listed("STUB_MIG", word);
}
static int count(void) { return getenv("STUB_GPUS") ? atoi(getenv("STUB_GPUS")) : 2; }

#define ENTER(name) \
    do { \
        while (listed("STUB_HANG", name)) sleep(1000); \
        if (listed("STUB_UNSUPPORTED", name)) return NOT_SUPPORTED; \
    } while (0)

int nvmlInitWithFlags(unsigned int flags) {
    (void)flags;
    ENTER("nvmlInitWithFlags");
    for (int g = 0; g < 16; g++)
        for (int i = 0; i < 3; i++) devices[g][i] = (Device){g, i - 1};
    return getenv("STUB_INIT") ? atoi(getenv("STUB_INIT")) : SUCCESS;
}
int nvmlShutdown(void) { ENTER("nvmlShutdown"); return SUCCESS; }
const char *nvmlErrorString(int code) { return code == 9 ? "Driver Not Loaded" : "stub error"; }
int nvmlSystemGetDriverVersion(char *out, unsigned int length) {
    ENTER("nvmlSystemGetDriverVersion");
    snprintf(out, length, "580.159.04");
    return SUCCESS;
}
int nvmlSystemGetCudaDriverVersion_v2(int *out) { ENTER("nvmlSystemGetCudaDriverVersion_v2"); *out = 13000; return SUCCESS; }
int nvmlDeviceGetCount_v2(unsigned int *out) { ENTER("nvmlDeviceGetCount_v2"); *out = count(); return SUCCESS; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, Device **out) {
    ENTER("nvmlDeviceGetHandleByIndex_v2");
    if ((int)index >= count()) return INVALID_ARGUMENT;
    *out = &devices[index][0];
    return SUCCESS;
}
int nvmlDeviceGetName(Device *d, char *out, unsigned int length) {
    ENTER("nvmlDeviceGetName");
    const char *names = getenv("STUB_NAMES") ? getenv("STUB_NAMES") : "NVIDIA H100 80GB HBM3,NVIDIA H100 80GB HBM3";
    for (int i = 0; i < d->gpu && strchr(names, ','); i++) names = strchr(names, ',') + 1;
    snprintf(out, length, "%.*s%s", (int)strcspn(names, ","), names, d->instance >= 0 ? " MIG 3g.40gb" : "");
    return SUCCESS;
}
int nvmlDeviceGetUUID(Device *d, char *out, unsigned int length) {
    ENTER("nvmlDeviceGetUUID");
    if (d->instance < 0) snprintf(out, length, "GPU-0000000%d-aaaa-bbbb-cccc-000000000000", d->gpu);
    else snprintf(out, length, "MIG-%d%d000000-aaaa-bbbb-cccc-000000000000", d->gpu, d->instance);
    return SUCCESS;
}
int nvmlDeviceGetMemoryInfo(Device *d, Memory *out) {
    ENTER("nvmlDeviceGetMemoryInfo");
    unsigned long long used = 503316480ULL;
    FILE *f = getenv("STUB_USED") ? fopen(getenv("STUB_USED"), "r") : NULL;
    if (f) { if (fscanf(f, "%llu", &used) != 1) used = 0; fclose(f); }
    out->total = d->instance < 0 ? 85520809984ULL : 42144366592ULL;
    out->used = used;
    out->free = out->total - used;
    return SUCCESS;
}
int nvmlDeviceGetCudaComputeCapability(Device *d, int *major, int *minor) {
    ENTER("nvmlDeviceGetCudaComputeCapability");
    if (d->instance >= 0) return NOT_SUPPORTED;
    *major = 9, *minor = 0;
    return SUCCESS;
}
int nvmlDeviceGetMigMode(Device *d, unsigned int *current, unsigned int *pending) {
    ENTER("nvmlDeviceGetMigMode");
    *current = *pending = is_mig(d->gpu);
    return SUCCESS;
}
int nvmlDeviceGetMaxMigDeviceCount(Device *d, unsigned int *out) { (void)d; *out = 7; return SUCCESS; }
int nvmlDeviceGetMigDeviceHandleByIndex(Device *d, unsigned int index, Device **out) {
    /* places 0 and 3 are taken, the others empty, as after an instance was destroyed */
    if (index != 0 && index != 3) return NOT_FOUND;
    *out = &devices[d->gpu][index == 0 ? 1 : 2];
    return SUCCESS;
}
int nvmlDeviceGetGpuInstanceId(Device *d, unsigned int *out) { *out = d->instance + 1; return SUCCESS; }
int nvmlDeviceGetComputeInstanceId(Device *d, unsigned int *out) { (void)d; *out = 0; return SUCCESS; }
int nvmlDeviceGetUtilizationRates(Device *d, Utilization *out) {
    ENTER("nvmlDeviceGetUtilizationRates");
    if (d->instance >= 0) return NOT_SUPPORTED;
    out->gpu = d->gpu ? 50 : 30;
    out->memory = 10;
    return SUCCESS;
}
int nvmlDeviceGetTotalEnergyConsumption(Device *d, unsigned long long *out) {
    ENTER("nvmlDeviceGetTotalEnergyConsumption");
    *out = 1984499ULL + (energy[d->gpu] += 5000);
    return SUCCESS;
}
static int processes(Device *d, unsigned int *size, Process *out) {
    unsigned int n = 0;
    Process found[64];
    FILE *f = getenv("STUB_PROCESSES") ? fopen(getenv("STUB_PROCESSES"), "r") : NULL;
    int gpu, pid;
    long long bytes;
    while (f && n < 64 && fscanf(f, "%d %d %lld", &gpu, &pid, &bytes) == 3)
        if (gpu == d->gpu) found[n++] = (Process){pid, (unsigned long long)bytes, 0, 0};
    if (f) fclose(f);
    if (*size < n) { *size = n; return INSUFFICIENT_SIZE; }
    *size = n;
    if (n) memcpy(out, found, n * sizeof *out);
    return SUCCESS;
}
int nvmlDeviceGetComputeRunningProcesses_v2(Device *d, unsigned int *size, Process *out) {
    ENTER("nvmlDeviceGetComputeRunningProcesses_v2");
    return processes(d, size, out);
}
#ifndef OLD
int nvmlDeviceGetComputeRunningProcesses_v3(Device *d, unsigned int *size, Process *out) {
    ENTER("nvmlDeviceGetComputeRunningProcesses_v3");
    return processes(d, size, out);
}
#endif
