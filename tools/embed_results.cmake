# Writes a C file that holds results of `clade bench` as strings: cli_results[], see src/cli/suite_results.h.
# OUTPUT: the file; RESULTS: names without .json; FOLDER: where they are.

set(c "/* Made by tools/embed_results.cmake from data/results/. */\n#include \"cli/suite_results.h\"\n")
set(table "")
set(number 0)
foreach(name IN LISTS RESULTS)
    # A string literal may be no longer than 4095 bytes in C11, so the text becomes numbers.
    file(READ ${FOLDER}/${name}.json hex HEX)
    string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
    string(APPEND c "static const unsigned char text_${number}[] = {\n${hex}0};\n")
    string(APPEND table "    {\"${name}\", (const char *)text_${number}},\n")
    math(EXPR number "${number} + 1")
endforeach()
string(APPEND c "const cli_result cli_results[] = {\n${table}    {0, 0},\n};\n")
file(WRITE ${OUTPUT} "${c}")
