# Header, libraries, find_package(calx), calx.pc and the man page.
include(CMakePackageConfigHelpers)
file(GLOB calx_headers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/include/*.h)
file(GLOB calx_man CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/doc/*.1)
install(FILES ${calx_headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${calx_man} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(TARGETS calx_shared calx_static EXPORT calx
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})

set(calx_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/calx)
install(EXPORT calx FILE calx-config.cmake NAMESPACE calx:: DESTINATION ${calx_package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/calx-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/calx-config-version.cmake DESTINATION ${calx_package_dir})

# found from where it stands, so that an installed tree can be moved
file(RELATIVE_PATH calx_pc_up /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(${CMAKE_SOURCE_DIR}/cmake/calx.pc.in ${CMAKE_BINARY_DIR}/calx.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/calx.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
