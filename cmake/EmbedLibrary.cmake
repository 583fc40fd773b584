# The standard library lib/**/*.calx as one C file, made by CMake itself at build time. Included by the build it
# defines calx_embed_library(folder output); run as a script (cmake -P) it writes the file.
if(CMAKE_SCRIPT_MODE_FILE)
  file(GLOB_RECURSE files RELATIVE ${FOLDER} ${FOLDER}/*.calx)
  list(SORT files)
  set(c "/* Made from lib/ by cmake/EmbedLibrary.cmake. */\n#include \"base/lib.h\"\n\n")
  set(table "")
  set(count 0)
  foreach(file IN LISTS files)
    file(READ ${FOLDER}/${file} hex HEX)
    string(LENGTH "${hex}" length)
    math(EXPR length "${length} / 2")
    # characters, not a string: a file may be longer than the longest portable string literal
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
    string(APPEND c "static const char text_${count}[] = {${bytes}0};\n")
    string(APPEND table "  {\"${file}\", text_${count}, ${length}},\n")
    math(EXPR count "${count} + 1")
  endforeach()
  string(APPEND c "\nconst cx_lib_file cx_lib[] = {\n${table}  {0, 0, 0}};\nconst int cx_lib_count = ${count};\n")
  file(WRITE ${OUTPUT} "${c}")
  return()
endif()

set(CALX_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
function(calx_embed_library folder output)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${folder}/*.calx)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DFOLDER=${folder} -DOUTPUT=${output} -P ${CALX_EMBED_SCRIPT}
    DEPENDS ${files} ${CALX_EMBED_SCRIPT} COMMENT "Embedding the standard library" VERBATIM)
endfunction()
