# Writes a C file that holds OpenCL C sources as strings: clade__kernel_sources[], see
# src/device/program.h. OUTPUT: the file; KERNELS: names without .cl; FOLDER: where they are.
# A line `#include "x.cl"` is replaced by that file, so that a driver needs no include path.

function(read_kernel name out)
    file(READ ${FOLDER}/${name}.cl text)
    while(text MATCHES "#include \"([a-z0-9_]+)\\.cl\"")
        set(line "${CMAKE_MATCH_0}")
        read_kernel(${CMAKE_MATCH_1} included)
        string(REPLACE "${line}" "${included}" text "${text}")
    endwhile()
    set(${out} "${text}" PARENT_SCOPE)
endfunction()

set(c "/* Made by tools/embed.cmake from cl/. */\n#include \"device/program.h\"\n")
set(table "")
foreach(name IN LISTS KERNELS)
    read_kernel(${name} text)
    # A string literal may be no longer than 4095 bytes in C11, so the text becomes numbers.
    file(WRITE ${OUTPUT}.tmp "${text}")
    file(READ ${OUTPUT}.tmp hex HEX)
    string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
    string(APPEND c "static const char ${name}_text[] = {\n${hex}0};\n")
    string(APPEND table "    {\"${name}\", ${name}_text},\n")
endforeach()
string(APPEND c "const clade__kernel_source clade__kernel_sources[] = {\n${table}    {0, 0},\n};\n")
file(WRITE ${OUTPUT} "${c}")
file(REMOVE ${OUTPUT}.tmp)
