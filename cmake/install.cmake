# What `cmake --install` puts where, and the Debian package of it (`cpack` in the build directory).
include(GNUInstallDirs)

install(TARGETS shardtail RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES deploy/shardtail.properties.example
        DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples RENAME shardtail.properties)
install(FILES deploy/prometheus/alerts.yml
        DESTINATION ${CMAKE_INSTALL_DATADIR}/shardtail/prometheus)
install(FILES deploy/grafana/shardtail.json
        DESTINATION ${CMAKE_INSTALL_DATADIR}/shardtail/grafana)

# The unit names /usr/bin and /etc: for the package, whose prefix is /usr.
option(SHARDTAIL_INSTALL_SYSTEMD "Install the systemd unit, and the configuration that it reads" OFF)
if(SHARDTAIL_INSTALL_SYSTEMD)
  install(FILES deploy/systemd/shardtail.service DESTINATION lib/systemd/system)
  install(FILES deploy/shardtail.properties.example DESTINATION /etc/shardtail
          RENAME shardtail.properties PERMISSIONS OWNER_READ OWNER_WRITE)
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME shardtail)
set(CPACK_PACKAGE_CONTACT "The shardtail maintainers <maintainers@shardtail.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "MongoDB change capture to Kafka, as Debezium 1.3 does it")
set(CPACK_PACKAGE_DESCRIPTION
    "One native process that tails the oplogs of MongoDB replica sets and sharded clusters and writes
 change events to Kafka, byte for byte as the Debezium 1.3 MongoDB connector does.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS adduser)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${CMAKE_SOURCE_DIR}/deploy/debian/conffiles ${CMAKE_SOURCE_DIR}/deploy/debian/postinst
    ${CMAKE_SOURCE_DIR}/deploy/debian/prerm ${CMAKE_SOURCE_DIR}/deploy/debian/postrm)
include(CPack)
