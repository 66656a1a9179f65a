// Things that are one once they are joined (a disjoint-set forest): switches by links, broadcast domains, what reaches
// each other.
#pragma once

#include <cstddef>
#include <vector>

namespace warren {

// Things are numbered from 0. Near constant time each.
class Joined {
public:
    std::size_t add() {
        parent_.push_back(parent_.size());
        return parent_.size() - 1;
    }
    std::size_t of(std::size_t at) {
        while (parent_[at] != at) {
            parent_[at] = parent_[parent_[at]];
            at = parent_[at];
        }
        return at;
    }
    // False: they were joined already.
    bool join(std::size_t a, std::size_t b) {
        a = of(a);
        b = of(b);
        parent_[a] = b;
        return a != b;
    }

private:
    std::vector<std::size_t> parent_;
};

// The same for things that have names. MAP is from a name to std::size_t; a name is added when it is first said.
template <class Map>
class JoinedNames {
public:
    // False: they were joined already.
    bool join(const typename Map::key_type& a, const typename Map::key_type& b) {
        const std::size_t first = id(a);
        return joined_.join(first, id(b));
    }
    std::size_t of(const typename Map::key_type& name) { return joined_.of(id(name)); }

private:
    std::size_t id(const typename Map::key_type& name) {
        const auto found = ids_.find(name);
        return found != ids_.end() ? found->second : ids_.emplace(name, joined_.add()).first->second;
    }

    Map ids_;
    Joined joined_;
};

}  // namespace warren
