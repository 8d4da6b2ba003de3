#pragma once

#include <cstddef>
#include <span>

#include "exporter/container_table.h"

namespace sonde::exporter {

/// How many containers have rows of their own; the others are part of the row ~other.
struct ListingBounds {
  size_t most_containers = 2000;  ///< of those that live, and of those that ended
  size_t longest_label = 253;     ///< bytes
};

/// Whether one of the four labels is too long for a row of its own.
bool too_long(const identity::ContainerName& name, const ListingBounds& bounds);

/// Sets the labels by the name, or those of ~other for a container that is not listed.
void set_labels(Container& container);

/// Gives those that have no rows of their own some, as far as there is room: who has them keeps them. Sets
/// labels and who is shown: of containers with the same labels the latest. Names that the rule made are told
/// apart first. Returns how many are part of ~other.
size_t list_containers(std::span<Container* const> containers, const ListingBounds& bounds);

}  // namespace sonde::exporter
