/* ONNX Runtime with a graphics card that fails: a library that hands every call on to the real one ($REAL_ONNXRUNTIME), but says that
 * there is a card, runs the card's sessions on the processor, and after $CARD_RUNS runs of these answers with an error each time, as the
 * CUDA provider does when a card is lost. The daemon can't tell it from a real one that fails at that moment.
 * Numbers of functions are their places in OrtApi (onnxruntime_c_api.h), which ONNX Runtime only ever adds to; 1.21, which is the least
 * that the daemon takes, has 285. */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef void (*function)(void);
typedef struct { const function *(*get_api)(uint32_t); const char *(*get_version)(void); } base;
enum { CREATE_STATUS = 0, CREATE_FROM_ARRAY = 8, RUN = 9, PROVIDERS = 125, RELEASE_PROVIDERS = 126, APPEND_CUDA = 204, CREATE_CUDA = 205, UPDATE_CUDA = 206, RELEASE_CUDA = 208, ALL = 285 };

static const function *real;
static function ours[ALL];
static const void *card_options;
static void *card_session;
static atomic_int runs_left;
static int own_options;
static char cpu[] = "CPUExecutionProvider", cuda[] = "CUDAExecutionProvider";
static char *both[] = {cuda, cpu};

static void *providers(char ***names, int *count) { *names = both; *count = 2; return NULL; }
static void *release_providers(char **names, int count) { (void)names; (void)count; return NULL; }
static void *create_cuda(void **options) { *options = &own_options; return NULL; }
static void *update_cuda(void *options, const char *const *keys, const char *const *values, size_t count) { (void)options; (void)keys; (void)values; (void)count; return NULL; }
static void release_cuda(void *options) { (void)options; }
static void *append_cuda(void *session_options, const void *options) { (void)options; card_options = session_options; return NULL; }

static void *create_from_array(const void *environment, const void *model, size_t length, const void *options, void **session) {
  void *status = ((void *(*)(const void *, const void *, size_t, const void *, void **))real[CREATE_FROM_ARRAY])(environment, model, length, options, session);
  if (!status && options == card_options && !card_session) card_session = *session;
  return status;
}

static void *run(void *session, const void *options, const char *const *inputs, const void *const *values, size_t count, const char *const *outputs, size_t wanted, void **results) {
  if (session == card_session && atomic_fetch_sub(&runs_left, 1) <= 0)
    return ((void *(*)(int, const char *))real[CREATE_STATUS])(1, "CUDA failure 719: unspecified launch failure");
  return ((void *(*)(void *, const void *, const char *const *, const void *const *, size_t, const char *const *, size_t, void **))real[RUN])(session, options, inputs, values, count, outputs, wanted, results);
}

static const base *real_base(void) {
  void *library = dlopen(getenv("REAL_ONNXRUNTIME"), RTLD_NOW | RTLD_LOCAL);
  const base *(*get)(void) = library ? (const base *(*)(void))dlsym(library, "OrtGetApiBase") : NULL;
  return get ? get() : NULL;
}

static const function *get_api(uint32_t version) {
  const base *behind = real_base();
  if (!behind || !(real = behind->get_api(version))) return NULL;
  memcpy(ours, real, sizeof ours);
  atomic_store(&runs_left, atoi(getenv("CARD_RUNS")));
  ours[CREATE_FROM_ARRAY] = (function)create_from_array;
  ours[RUN] = (function)run;
  ours[PROVIDERS] = (function)providers;
  ours[RELEASE_PROVIDERS] = (function)release_providers;
  ours[APPEND_CUDA] = (function)append_cuda;
  ours[CREATE_CUDA] = (function)create_cuda;
  ours[UPDATE_CUDA] = (function)update_cuda;
  ours[RELEASE_CUDA] = (function)release_cuda;
  return ours;
}

static const char *get_version(void) { const base *behind = real_base(); return behind ? behind->get_version() : ""; }

const base *OrtGetApiBase(void) { static const base here = {get_api, get_version}; return &here; }
