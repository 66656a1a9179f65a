// warren schema: print the JSON Schema of the lab file.
#include "cli/schema.hpp"

#include "cli/cli.hpp"

namespace warren::cli {

void add_schema(Cli& cli) {
    cli.verb("schema", "Print the JSON Schema of the lab file",
             "For editors: in VS Code's YAML extension, or as the first line of a lab file\n"
             "  # yaml-language-server: $schema=/usr/local/share/warren/lab.schema.json",
             [] {
                 fmt::print("{}", kSchemaText);
                 return 0;
             });
}

}  // namespace warren::cli
