/* Call sites that fail on demand, as in faults.h, in the command's own sources: what these call
 * beside the library. For tests/test_command_faults.c. */
#ifndef CLADE_TESTS_COMMAND_FAULTS_H
#define CLADE_TESTS_COMMAND_FAULTS_H

#define _GNU_SOURCE
#include <poll.h>
#include <popt.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <yaml.h>

#include "faults.h"

#undef fprintf /* what is said on stderr as it goes */

#define cJSON_AddItemToArray(...)       FAULT(cJSON_AddItemToArray, false, __VA_ARGS__)
#define cJSON_AddItemToObject(...)      FAULT(cJSON_AddItemToObject, false, __VA_ARGS__)
#define cJSON_CreateArray(...)          FAULT(cJSON_CreateArray, NULL, )
#define cJSON_CreateBool(...)           FAULT(cJSON_CreateBool, NULL, __VA_ARGS__)
#define cJSON_CreateNull(...)           FAULT(cJSON_CreateNull, NULL, )
#define cJSON_CreateNumber(...)         FAULT(cJSON_CreateNumber, NULL, __VA_ARGS__)
#define cJSON_CreateObject(...)         FAULT(cJSON_CreateObject, NULL, )
#define cJSON_CreateString(...)         FAULT(cJSON_CreateString, NULL, __VA_ARGS__)
#define cJSON_Duplicate(...)            FAULT(cJSON_Duplicate, NULL, __VA_ARGS__)
#define cJSON_PrintUnformatted(...)     FAULT(cJSON_PrintUnformatted, NULL, __VA_ARGS__)
#define poptGetContext(...)             FAULT(poptGetContext, NULL, __VA_ARGS__)
#define strdup(text)                    FAULT(strdup, NULL, text)
#define yaml_parser_initialize(...)     FAULT(yaml_parser_initialize, 0, __VA_ARGS__)

#define fork()                          FAULT(fork, fault_errno(EAGAIN), )
#define mmap(...)                       FAULT(mmap, (fault_errno(ENOMEM), MAP_FAILED), __VA_ARGS__)
#define fcntl(...)                      FAULT_FILE(fcntl, EINVAL, __VA_ARGS__)
#define open_memstream(...) \
    fault_given(FAULT_STREAM, FAULT(open_memstream, (fault_errno(ENOMEM), NULL), __VA_ARGS__))
#define pipe(...)                       FAULT_FILE(pipe, EMFILE, __VA_ARGS__)
#define posix_spawnp(...)               FAULT(posix_spawnp, EAGAIN, __VA_ARGS__)
#define posix_spawn_file_actions_init(...) \
    FAULT(posix_spawn_file_actions_init, ENOMEM, __VA_ARGS__)
#define posix_spawn_file_actions_adddup2(...) \
    FAULT(posix_spawn_file_actions_adddup2, ENOMEM, __VA_ARGS__)
#define sigaction(...)                  FAULT_FILE(sigaction, EINVAL, __VA_ARGS__)

#endif
