// Every file of tests/lab-files/wrong gives exactly the lines of its NAME.expected; every example gives none.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "lab/lab_file.hpp"

namespace warren {
namespace {

namespace fs = std::filesystem;

std::string content_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    EXPECT_TRUE(file) << path;
    std::stringstream content;
    content << file.rdbuf();
    return content.str();
}

std::vector<fs::path> yaml_files(const std::string& folder) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(fs::path(WARREN_SOURCE_DIR) / folder)) {
        if (entry.path().extension() == ".yaml") { files.push_back(entry.path()); }
    }
    std::sort(files.begin(), files.end());
    return files;
}

TEST(WrongLabFiles, GiveExactlyTheExpectedLines) {
    const auto files = yaml_files("tests/lab-files/wrong");
    EXPECT_GE(files.size(), 45U);
    for (const auto& file : files) {
        Diagnostics diagnostics("F");
        (void)read_lab(content_of(file), diagnostics);
        std::string lines;
        std::istringstream text(diagnostics.text());
        for (std::string line; std::getline(text, line);) { lines += line.substr(2) + "\n"; }
        fs::path expected = file;
        expected.replace_extension(".expected");
        EXPECT_FALSE(lines.empty()) << file;
        EXPECT_EQ(lines, content_of(expected)) << file;
    }
}

TEST(Examples, AreRightAndSurviveWriting) {
    const auto files = yaml_files("examples");
    EXPECT_GE(files.size(), 4U);
    for (const auto& file : files) {
        Diagnostics diagnostics(file.filename());
        const Lab lab = read_lab(content_of(file), diagnostics);
        EXPECT_EQ(diagnostics.text(), "");
        EXPECT_FALSE(lab.expect.empty()) << file;
        Diagnostics again("written " + file.filename().string());
        EXPECT_EQ(read_lab(write_lab(lab), again), lab) << write_lab(lab);
        EXPECT_EQ(again.text(), "");
    }
}

}  // namespace
}  // namespace warren
