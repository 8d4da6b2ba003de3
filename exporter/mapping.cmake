# From pods' flows to the underlay's, and NAT; included by CMakeLists.txt.
sonde_library(sonde_exporter_translations
  SOURCES
    flows/mapping/conntrack_message.cpp flows/mapping/conntrack_source.cpp
    flows/mapping/in_network_namespace.cpp flows/mapping/translation_table.cpp
  LINK sonde_common PkgConfig::libmnl)
