// fmt's compiled part in the program itself (WARREN_STATIC): Debian has it as a shared library alone, which would
// bring the shared libstdc++ with it. Everything else in the sources is as with the shared one.
#include <fmt/format-inl.h>

// The templates that its headers take for compiled already.
template FMT_API fmt::detail::thousands_sep_result<char> fmt::detail::thousands_sep_impl<char>(
    fmt::detail::locale_ref);
template FMT_API char fmt::detail::decimal_point_impl<char>(fmt::detail::locale_ref);
