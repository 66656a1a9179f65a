# What `make install` puts where: program, man page, completion, schema, examples, documents.
install(TARGETS warren RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

find_program(SCDOC scdoc)
if(SCDOC)
    set(man_page ${CMAKE_BINARY_DIR}/warren.1)
    add_custom_command(
        OUTPUT ${man_page}
        COMMAND ${SCDOC} < ${CMAKE_SOURCE_DIR}/docs/warren.1.scd > ${man_page}
        DEPENDS ${CMAKE_SOURCE_DIR}/docs/warren.1.scd
        VERBATIM)
    add_custom_target(man ALL DEPENDS ${man_page})
    # OPTIONAL: a build of the program alone (`make demo`) has made none.
    install(FILES ${man_page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 OPTIONAL)
else()
    add_custom_target(man COMMAND ${CMAKE_COMMAND} -E echo "scdoc is not installed: no man page")
endif()

install(FILES ${CMAKE_SOURCE_DIR}/packaging/bash-completion/warren
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/schema/ DESTINATION ${CMAKE_INSTALL_DATADIR}/warren/schema
        FILES_MATCHING PATTERN "*.json")
install(DIRECTORY ${CMAKE_SOURCE_DIR}/examples/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples
        FILES_MATCHING PATTERN "*.yaml")
install(DIRECTORY ${CMAKE_SOURCE_DIR}/docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md")
install(FILES ${CMAKE_SOURCE_DIR}/README.md ${CMAKE_SOURCE_DIR}/CHANGELOG.md ${CMAKE_SOURCE_DIR}/LICENSE
        DESTINATION ${CMAKE_INSTALL_DOCDIR})
