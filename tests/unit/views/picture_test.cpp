// Pictures: what they hold, by geometry over many labs, and a few whole against golden/.
// WARREN_UPDATE_GOLDEN=1 writes those instead; look at them before keeping them.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <random>
#include <regex>
#include <sstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/child.hpp"
#include "lab/topologies.hpp"
#include "lab_views.hpp"
#include "views/draw.hpp"
#include "views/draw_scene.hpp"

namespace warren {
namespace {

using namespace drawing;
using testing::HasSubstr;
using testing::Not;

LabView topology(const std::string& name) {
    auto lab = make_topology(name);
    EXPECT_TRUE(lab.has_value()) << name;
    return view_of(lab.value());
}

Lease lease(const char* mac, const char* address, const char* host) {
    return {0, *MacAddress::parse(mac), *IpAddress::parse(address), host};
}

// As after `up`, and then broken by hand.
LabView broken() {
    LabView view = example("tenants");
    go_live(view);
    view.observed.namespaces["red"].links["eth0-r"].leased.insert(*Prefix::parse("10.50.50.37/24"));
    view.observed.namespaces["green"].links["eth0-g"].up = false;
    view.observed.bridges["ovs1"].ports.erase("tap-g");
    view.observed.processes.erase({"dhcp-g", "dnsmasq"});
    view.leases["red-net"] = {lease("02:00:00:00:00:01", "10.50.50.37", "red")};
    return view;
}

// A lab of some switches, hosts at one or more of them, and direct links, different for each seed.
std::string random_lab(unsigned seed) {
    std::mt19937 random(seed);
    auto up_to = [&](unsigned most) { return static_cast<int>(random() % (most + 1)); };
    const int switches = up_to(6);
    const int hosts = 1 + up_to(14);
    std::string text = fmt::format("lab: random-{}\nswitches:{}\n", seed, switches == 0 ? " {}" : "");
    for (int i = 0; i < switches; ++i) { text += fmt::format("  sw{}: {{kind: ovs}}\n", i); }
    std::string links;
    for (int i = 1; i < switches; ++i) {
        if (up_to(3) > 0) {
            links += fmt::format("  - {{ends: [sw{}, sw{}]{}}}\n", up_to(static_cast<unsigned>(i - 1)), i,
                                 up_to(1) == 0 ? ", trunk: [10, 20]" : "");
        }
    }
    if (!links.empty()) { text += "links:\n" + links; }
    std::vector<std::string> interfaces(static_cast<std::size_t>(hosts));
    int direct = 0;
    for (int h = 0; h < hosts; ++h) {
        std::string& own = interfaces[static_cast<std::size_t>(h)];
        const int nics = up_to(3) == 0 ? up_to(3) : 1;
        for (int n = 0; n < nics && switches > 0; ++n) {
            own += fmt::format("      eth{}: {{to: sw{}, address: [10.{}.{}.{}/24]{}}}\n", n,
                               up_to(static_cast<unsigned>(switches - 1)), n, h, 1 + up_to(200),
                               up_to(2) == 0 ? fmt::format(", vlan: {}", 10 * (1 + up_to(3))) : "");
        }
        if (h > 0 && up_to(3) == 0) {
            const int other = up_to(static_cast<unsigned>(h - 1));
            own += fmt::format("      p{0}: {{to: \"host{1}:q{0}\", address: 10.8.{0}.1/30}}\n", direct, other);
            interfaces[static_cast<std::size_t>(other)] +=
                fmt::format("      q{0}: {{address: 10.8.{0}.2/30}}\n", direct);
            ++direct;
        }
    }
    text += "hosts:\n";
    for (int h = 0; h < hosts; ++h) {
        const std::string& own = interfaces[static_cast<std::size_t>(h)];
        text += fmt::format("  host{}:{}\n", h, own.empty() ? " {}" : "\n    interfaces:\n" + own);
    }
    return text;
}

std::string place_of(const Rect& at) { return fmt::format("{},{} {}x{}", at.x, at.y, at.width, at.height); }

Point point_at(Point from, const Piece& piece, double t) {
    if (!piece.curve) {
        return {from.x + static_cast<int>(std::lround((piece.to.x - from.x) * t)),
                from.y + static_cast<int>(std::lround((piece.to.y - from.y) * t))};
    }
    const double u = 1 - t;
    auto mix = [&](int a, int b, int c, int d) {
        return static_cast<int>(std::lround(u * u * u * a + 3 * u * u * t * b + 3 * u * t * t * c + t * t * t * d));
    };
    return {mix(from.x, piece.c1.x, piece.c2.x, piece.to.x), mix(from.y, piece.c1.y, piece.c2.y, piece.to.y)};
}

// No box, tab, badge or text on another, none outside of the picture, no line through a box or a foreign badge.
void expect_tidy(const Scene& scene, const std::string& what) {
    const Rect page{0, 0, scene.width, scene.height};
    std::vector<Rect> boxes;
    std::vector<Rect> small;
    std::vector<std::pair<Rect, std::string>> texts;
    for (const auto* groups : {&scene.back, &scene.boxes, &scene.badges, &scene.legend}) {
        for (const auto& group : *groups) {
            for (const auto& shape : group.shapes) {
                EXPECT_TRUE(page.holds(shape.at)) << what << ": outside: " << place_of(shape.at);
                if (shape.kind == ShapeKind::host || shape.kind == ShapeKind::sw) { boxes.push_back(shape.at); }
                if (shape.kind == ShapeKind::tab || shape.kind == ShapeKind::pill ||
                    shape.kind == ShapeKind::fault_pill) {
                    small.push_back(shape.at);
                }
            }
            for (const auto& label : group.labels) {
                EXPECT_TRUE(page.holds(label.bounds())) << what << ": outside: " << label.text;
                texts.emplace_back(label.bounds(), label.text);
            }
        }
    }
    for (std::size_t i = 0; i < boxes.size(); ++i) {
        for (std::size_t k = 0; k < i; ++k) {
            EXPECT_FALSE(boxes[i].overlaps(boxes[k]))
                << what << ": " << place_of(boxes[i]) << " on " << place_of(boxes[k]);
        }
    }
    for (std::size_t i = 0; i < small.size(); ++i) {
        for (std::size_t k = 0; k < i; ++k) {
            EXPECT_FALSE(small[i].overlaps(small[k]))
                << what << ": " << place_of(small[i]) << " on " << place_of(small[k]);
        }
    }
    for (std::size_t i = 0; i < texts.size(); ++i) {
        for (std::size_t k = 0; k < i; ++k) {
            EXPECT_FALSE(texts[i].first.overlaps(texts[k].first))
                << what << ": '" << texts[i].second << "' on '" << texts[k].second << "'";
        }
    }
    for (const auto& line : scene.lines) {
        EXPECT_FALSE(line.pieces.empty()) << what << ": " << line.title;
        Point from = line.from;
        for (const auto& piece : line.pieces) {
            for (int step = 1; step < 40; ++step) {
                const Point at = point_at(from, piece, step / 40.0);
                for (const auto& box : boxes) {
                    const bool inside = at.x > box.x && at.x < box.right() && at.y > box.y && at.y < box.bottom();
                    ASSERT_FALSE(inside) << what << ": '" << line.title << "' runs through " << place_of(box);
                }
            }
            from = piece.to;
        }
    }
}

Scene scene_of(const LabView& view) { return make_scene({make_model(view)}); }

TEST(PictureGeometry, Examples) {
    for (const char* name : {"hello", "red-green", "routed", "tenants"}) {
        expect_tidy(scene_of(example(name)), name);
    }
    expect_tidy(scene_of(broken()), "broken");
}
TEST(PictureGeometry, Topologies) {
    for (const char* name : {"minimal", "single,1", "single,50", "linear,4,2", "linear,2", "tree,2,2", "tree,3,3",
                             "torus,3,3", "ring,5", "mesh,5", "leaf-spine,4,2,3", "fat-tree,4", "tenants,8,3"}) {
        expect_tidy(scene_of(topology(name)), name);
    }
}
TEST(PictureGeometry, RandomLabs) {
    for (unsigned seed = 1; seed <= 60; ++seed) {
        expect_tidy(scene_of(view_of(random_lab(seed))), fmt::format("seed {}", seed));
        if (HasFailure()) { return; }
    }
}
TEST(PictureGeometry, SeveralOnesBelowEachOther) {
    Model inner = make_model(example("hello"));
    inner.title = "container";
    for (auto& sw : inner.switches) { sw.place = "namespace pod"; }
    const Scene scene = make_scene({make_model(example("tenants")), inner});
    expect_tidy(scene, "two");
    const Scene one = make_scene({make_model(example("tenants"))});
    EXPECT_GT(scene.height, one.height);
}

TEST(Picture, WiresOfHostsAtOneSwitchAreStraight) {
    for (const char* name : {"single,50", "tenants,8,3"}) {
        for (const auto& line : scene_of(topology(name)).lines) {
            ASSERT_EQ(line.pieces.size(), 1U) << name << ": " << line.title;
            EXPECT_EQ(line.from.y, line.pieces[0].to.y) << line.title;
        }
    }
}
TEST(Picture, ATenantIsOnOneSideOfItsSwitch) {
    const Scene scene = scene_of(topology("tenants,8,3"));
    std::map<std::uint8_t, std::pair<bool, bool>> sides;
    for (const auto& group : scene.boxes) {
        for (const auto& shape : group.shapes) {
            if (shape.kind != ShapeKind::host) { continue; }
            (shape.at.x < scene.width / 2 ? sides[shape.colour].first : sides[shape.colour].second) = true;
        }
    }
    EXPECT_EQ(sides.size(), 8U);
    for (const auto& [colour, side] : sides) { EXPECT_NE(side.first, side.second) << int{colour}; }
}
TEST(Picture, SameEachTime) {
    for (const char* name : {"fat-tree,4", "torus,3,3", "tenants,8,3"}) {
        const Models once{make_model(topology(name))};
        const Models again{make_model(topology(name))};
        EXPECT_EQ(draw_svg(once, Theme::automatic), draw_svg(again, Theme::automatic));
        EXPECT_EQ(draw_dot(once), draw_dot(again));
        EXPECT_EQ(draw_mermaid(once), draw_mermaid(again));
    }
}
TEST(Picture, ShowsWhatIsWrongAndWhatWasLeased) {
    const std::string svg = draw_svg({make_model(broken())}, Theme::light);
    EXPECT_THAT(svg, HasSubstr(">down</text>"));
    EXPECT_THAT(svg, HasSubstr(">missing</text>"));
    EXPECT_THAT(svg, HasSubstr(">▸ dnsmasq missing</text>"));
    EXPECT_THAT(svg, HasSubstr(">lease 10.50.50.37 red</text>"));
    EXPECT_THAT(svg, HasSubstr(">10.50.50.37/24 (dhcp)</text>"));
    EXPECT_THAT(svg, HasSubstr("green eth0-g to ovs1 veth-g, down or missing</title><path class=\"w l32 da\""));
    EXPECT_THAT(svg, HasSubstr("red eth0-r to ovs1 veth-r</title><path class=\"w l31\""));
}
TEST(Picture, ThemesDifferAndAutoHasBoth) {
    const Models models{make_model(example("tenants"))};
    const std::string light = draw_svg(models, Theme::light);
    const std::string dark = draw_svg(models, Theme::dark);
    const std::string both = draw_svg(models, Theme::automatic);
    EXPECT_THAT(light, HasSubstr(".bg{fill:#ffffff}"));
    EXPECT_THAT(light, Not(HasSubstr("@media")));
    EXPECT_THAT(dark, Not(HasSubstr(".bg{fill:#ffffff}")));
    EXPECT_THAT(both, HasSubstr(".bg{fill:#ffffff}"));
    EXPECT_THAT(both, HasSubstr("@media(prefers-color-scheme:dark){"));
}
TEST(Picture, HostileNamesAreEscapedEverywhere) {
    LabView view = example("hello");
    view.lab.name = "a<b>&\"'";
    Link odd;
    odd.name = "e\"];</text>\x1b\xff\\";
    view.observed.namespaces["h1"].links[odd.name] = odd;
    const Models models{make_model(view)};
    const std::string svg = draw_svg(models, Theme::light);
    EXPECT_THAT(svg, HasSubstr("a&lt;b&gt;&amp;&quot;'"));
    EXPECT_THAT(svg, HasSubstr("e&quot;];&lt;/text&gt;??\\"));
    EXPECT_THAT(draw_dot(models), HasSubstr("\"e\\\"];</text>??\\\\\""));
    EXPECT_THAT(draw_mermaid(models), HasSubstr("\"e#34;#93;#59;#60;/text#62;#63;#63;#92;\""));
}
TEST(Picture, NoResourcesFromElsewhere) {
    const std::string svg = draw_svg({make_model(topology("tenants,8,3"))}, Theme::automatic);
    EXPECT_THAT(svg, Not(HasSubstr("url(")));
    EXPECT_THAT(svg, Not(HasSubstr("href")));
    EXPECT_THAT(svg, Not(HasSubstr("@import")));
    EXPECT_LT(svg.size(), 40000U);
}
TEST(Picture, EmptyLab) {
    LabView view;
    view.lab.name = "empty";
    const Models models{make_model(view)};
    expect_tidy(make_scene(models), "empty");
    EXPECT_THAT(draw_svg(models, Theme::light), HasSubstr("lab empty"));
    EXPECT_THAT(draw_svg({}, Theme::light), HasSubstr("</svg>"));
}

// Python's parser, for well-formedness, of what this program has no parser for.
TEST(Picture, SvgIsWellFormedXml) {
    if (find_program("python3").empty()) { GTEST_SKIP() << "python3 is not installed"; }
    LabView hostile = example("hello");
    Link odd;
    odd.name = "<&>\"'\x01\xc3";
    hostile.observed.namespaces["h1"].links[odd.name] = odd;
    for (const auto& view : {broken(), hostile, topology("fat-tree,4")}) {
        const std::string path = testing::TempDir() + "/picture.svg";
        std::ofstream(path) << draw_svg({make_model(view)}, Theme::automatic);
        SpawnOptions options;
        options.command = {"python3", "-c",
                           "import sys, xml.etree.ElementTree as t\n"
                           "r = t.parse(sys.argv[1]).getroot(); s = '{http://www.w3.org/2000/svg}'\n"
                           "assert r.tag == s + 'svg' and r.get('role') == 'img'\n"
                           "ids = {e.get('id') for e in r.iter() if e.get('id')}\n"
                           "assert set(r.get('aria-labelledby').split()) == ids\n"
                           "print(len(r.findall('.//' + s + 'text')))",
                           path};
        const auto ran = run(options, std::chrono::seconds(60));
        ASSERT_TRUE(ran.has_value());
        EXPECT_TRUE(ran->exited.success()) << ran->err;
        EXPECT_GT(std::atoi(ran->out.c_str()), 5);
    }
}
TEST(Picture, GraphvizTakesTheDot) {
    if (find_program("dot").empty()) { GTEST_SKIP() << "graphviz is not installed"; }
    for (const auto& view : {broken(), topology("tree,3,3"), topology("tenants,3,2")}) {
        const std::string path = testing::TempDir() + "/picture.dot";
        std::ofstream(path) << draw_dot({make_model(view)});
        SpawnOptions options;
        options.command = {"dot", "-Tplain", path};
        const auto ran = run(options, std::chrono::seconds(60));
        ASSERT_TRUE(ran.has_value());
        EXPECT_TRUE(ran->exited.success()) << ran->err;
        EXPECT_THAT(ran->out, testing::StartsWith("graph "));
    }
}
// Every line is of a form that Mermaid's grammar has, subgraphs are closed, names are defined before use.
TEST(Picture, MermaidIsWellFormed) {
    const std::regex form(
        R"re(flowchart LR|\s*subgraph \w+\["[^"]*"\]|\s*end|\s*\w+\["[^"]*"\]|\s*\w+ (---|===|-\.-)(\|"[^"]*"\|)? \w+|)re"
        R"re(\s*classDef \w+ [-\w:#,. ]+|\s*class [\w,]+ \w+|\s*linkStyle [\d,]+ stroke:#\w+)re");
    for (const auto& view : {broken(), topology("tree,2,2"), topology("tenants,3,2"), example("routed")}) {
        std::stringstream in(draw_mermaid({make_model(view)}));
        int depth = 0;
        for (std::string line; std::getline(in, line);) {
            EXPECT_TRUE(std::regex_match(line, form)) << line;
            depth += line.find(" subgraph ") != std::string::npos ? 1 : 0;
            depth -= line.ends_with(" end") ? 1 : 0;
            EXPECT_GE(depth, 0);
        }
        EXPECT_EQ(depth, 0);
    }
}
TEST(Picture, PngHasTheSizeOfTheScene) {
    const Models models{make_model(example("tenants"))};
    const auto png = draw_png(models, Theme::automatic);
    if (find_program("rsvg-convert").empty()) {
        ASSERT_FALSE(png.has_value());
        EXPECT_EQ(png.error().kind, Error::Kind::lacking);
        EXPECT_THAT(png.error().message(), HasSubstr("librsvg2-bin"));
        GTEST_SKIP() << "rsvg-convert is not installed";
    }
    ASSERT_TRUE(png.has_value()) << png.error().message();
    const Scene scene = make_scene(models);
    ASSERT_GT(png->size(), 24U);
    EXPECT_EQ(png->substr(0, 8), "\x89PNG\r\n\x1a\n");
    EXPECT_EQ(png->substr(12, 4), "IHDR");
    auto number = [&](std::size_t at) {
        int out = 0;
        for (std::size_t i = at; i < at + 4; ++i) { out = out << 8 | static_cast<unsigned char>((*png)[i]); }
        return out;
    };
    EXPECT_EQ(number(16), 2 * scene.width);
    EXPECT_EQ(number(20), 2 * scene.height);
    EXPECT_EQ(png->substr(png->size() - 8, 4), "IEND");
}

void expect_golden(const std::string& name, const std::string& text) {
    const std::string path = kSource + "/tests/unit/views/golden/" + name;
    if (std::getenv("WARREN_UPDATE_GOLDEN") != nullptr) {
        std::ofstream(path) << text;
        return;
    }
    EXPECT_EQ(text, read(path)) << path;
}
TEST(PictureGolden, Broken) { expect_golden("broken.svg", draw_svg({make_model(broken())}, Theme::light)); }
TEST(PictureGolden, Dot) { expect_golden("broken.dot", draw_dot({make_model(broken())})); }
TEST(PictureGolden, Mermaid) { expect_golden("broken.mmd", draw_mermaid({make_model(broken())})); }

// docs/pictures/*.svg, as scripts/draw-pictures makes them by the program.
TEST(PictureGolden, OfTheDocuments) {
    std::stringstream list(read(kSource + "/docs/pictures/list"));
    int count = 0;
    for (std::string name, kind, source; list >> name >> kind >> source;) {
        LabView view;
        if (kind == "topo") {
            view = topology(source);
        } else {
            ASSERT_EQ(kind, "file");
            view = view_of(read(kSource + "/" + source));
        }
        EXPECT_EQ(draw_svg({make_model(view)}, Theme::automatic), read(kSource + "/docs/pictures/" + name + ".svg"))
            << "docs/pictures/" << name << ".svg is not what draw makes; run scripts/draw-pictures";
        ++count;
    }
    EXPECT_GE(count, 6);
}

}  // namespace
}  // namespace warren
