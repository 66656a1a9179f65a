// Namespaces that are somebody else's and join a lab as hosts (`attach:`): finding them, what they held before the
// lab, giving them a name and the lab's mark, and leaving them as they were.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "engine/record.hpp"
#include "plan/plan.hpp"
#include "state/state.hpp"

namespace warren {

// What find_attached() found out beside what it wrote into the wanted state.
struct AttachedFound {
    std::vector<AttachedRecord> records;  // as they are, or were before the lab; for the lab's record
    std::vector<Conflict> conflicts;      // what others have in them where the lab wants something
    std::vector<Error> faults;            // those that cannot be attached, and why
    std::vector<std::string> remarks;     // those that are attached, and whose process has ended
};

// Looks at the namespaces that WANTED attaches and says there which they are. RECORD: what the lab holds by now; one
// that it holds goes on to be the one meant when its process has ended. Changes nothing.
[[nodiscard]] Result<AttachedFound> find_attached(const std::string& lab, State& wanted,
                                                  const std::optional<Record>& record);

// Opens what IS says, and it must be a network namespace other than the machine's own.
[[nodiscard]] Result<Fd> open_attached(const Attached& is);

// Gives a namespace its name and then the lab's mark; both may be there already. RELEASED: those that were left a
// while ago, by inode; for one whose process has ended meanwhile.
[[nodiscard]] Result<void> attach_namespace(const std::string& lab, const Namespace& value,
                                            const std::map<std::uint64_t, Fd>& released);
// The other way round; sysctls get back the values that they had. Returns what holds the namespace from now on, until
// it is closed; nothing where there was none of the name.
[[nodiscard]] Result<std::optional<Fd>> leave_namespace(const std::string& lab, const Namespace& value);

// Of the sysctls in HELD, which a lab's may have changed, those that are to be as before where WANTED are the lab's
// own: without what the kernel sets along with one of these.
[[nodiscard]] std::map<std::string, std::string> to_restore(const std::map<std::string, std::string>& held,
                                                            const std::map<std::string, std::string>& wanted);

}  // namespace warren
