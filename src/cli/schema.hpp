// The JSON Schema of the lab file, which is part of the program.
#pragma once

namespace warren::cli {
extern const char* const kSchemaText;
}  // namespace warren::cli
